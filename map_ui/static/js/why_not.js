// @ts-check
/** Why a crew does not come into question, in words. */
import { t } from './page.js';

/** @param {{code?: string, reason?: string}} one */
export function whyNot({ code = '', reason = '' }) {
  /** @type {Record<string, string>} */
  const names = {
    wrong_trade: t('another trade'), other_centre: t('another centre'), off_shift: t('off shift'), away: t('away'), busy: t('busy'),
    no_position: t('position unknown'), stale: t('position is stale'), full: t('vehicle is full'), unreachable: t('no road leads there'),
  };
  return names[code] ?? names[reason] ?? reason;
}

// @ts-check
/** A person decides whose an order is, which no rule could give to anybody. */
import { t } from './page.js';
import { ask } from './shell.js';
import { areaName, choice, options } from './vocabulary.js';

/** Nothing is chosen beforehand: a second press would decide it. @param {{id: string, address: string}} order */
export const askWhose = ({ id, address }) => ask({
  title: t('Who is responsible for {order}?', { order: id }), text: address, confirm: t('Decide'),
  fields: [choice('centre_id', t('Repair centre'), options('centres')), choice('trade', t('Trade'), options('trades')), choice('area_class', t('Area'), ['urban', 'rural', 'remote'].map((c) => [c, areaName(c)]))],
});

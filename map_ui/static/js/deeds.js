// @ts-check
/** What people did, as the audit trail names it, in words. */
import { t } from './page.js';

/** @param {string} action @returns {string} */
export function deed(action) {
  /** @type {Record<string, string>} */
  const names = {
    sign_in: t('signed in'), create_person: t('added a person'), disable_person: t('locked a person out'),
    replace_organisation: t('put an organisation in force'), replace_territories: t('put territories in force'), adopt_process: t('put a process in force'),
    recipient_added: t('recipient added'), recipient_changed: t('recipient changed'), recipient_removed: t('recipient removed'),
    channel_added: t('channel added'), channel_changed: t('channel changed'), channel_removed: t('channel removed'), channel_tested: t('channel tested'),
    sent_again: t('message sent again'), dismissed: t('message dismissed'),
  };
  return names[action] ?? action;
}

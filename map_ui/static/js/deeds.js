// @ts-check
/** What people did, as the audit trail names it, in words. */
import { t } from './page.js';

/** @param {string} action @returns {string} */
export function deed(action) {
  /** @type {Record<string, string>} */
  const names = {
    sign_in: t('signed in'), create_person: t('added a person'), disable_person: t('locked a person out'),
    replace_organisation: t('put an organisation in force'), replace_territories: t('put territories in force'), adopt_process: t('put a process in force'), keep_process: t('kept a process definition'),
    recipient_added: t('recipient added'), recipient_changed: t('recipient changed'), recipient_removed: t('recipient removed'),
    channel_added: t('channel added'), channel_changed: t('channel changed'), channel_removed: t('channel removed'), channel_tested: t('channel tested'),
    change_person: t('changed a person'), enable_person: t('let a person in again'), reset_password: t('gave a new password'), own_password: t('changed the own password'), device_code_shown: t('looked at a device\'s code'),
    add_centres: t('added a repair centre'), change_centres: t('changed a repair centre'), remove_centres: t('removed a repair centre'), add_departments: t('added a department'), change_departments: t('changed a department'), remove_departments: t('removed a department'),
    add_crews: t('added a crew'), change_crews: t('changed a crew'), remove_crews: t('removed a crew'), add_devices: t('added a device'), change_devices: t('changed a device'), remove_devices: t('took a device away'),
    add_on_call: t('added a duty'), change_on_call: t('changed a duty'), remove_on_call: t('removed a duty'), import_departments: t('imported departments'), import_crews: t('imported crews'), import_vehicles: t('imported vehicles'), import_phones: t('imported phones'),
    add_planned_outages: t('planned an outage'), change_planned_outages: t('changed a planned outage'), call_off_planned_outages: t('called a planned outage off'), import_planned_outages: t('imported planned outages'),
    sent_again: t('message sent again'), dismissed: t('message dismissed'),
  };
  return names[action] ?? action;
}

// @ts-check
/** Whether this person may act on orders and crews, or only look. */
import { page } from './page.js';

export const mayAct = () => ['dispatcher', 'admin'].includes(page.person?.role ?? '');

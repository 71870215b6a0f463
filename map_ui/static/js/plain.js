// @ts-check
/** A page that has nothing of its own to do. */
import { startShell } from './shell.js';

startShell();

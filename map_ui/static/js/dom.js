// @ts-check
/** Elements without innerHTML: text is always text. */

/** @typedef {Node|string|number|null|undefined|false} One */
/** @typedef {One|any[]} Child lists may hold lists */

/**
 * An element. Props: `on` = listeners, `data` = data attributes, `class`, `style` = CSS properties; others are
 * properties where the element has them, else attributes.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child|Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [type, f] of Object.entries(value)) element.addEventListener(type, /** @type {any} */ (f));
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'class') element.className = value;
    else if (name === 'style') for (const [key, one] of Object.entries(value)) element.style.setProperty(key, String(one));
    else if (name in element && name !== 'list' && name !== 'form') /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  put(element, ...children);
  return element;
}

/** Append children. @param {Element} parent @param {...(Child|Child[])} children */
export function put(parent, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/** Replace all content. @param {Element} parent @param {...(Child|Child[])} children */
export function fill(parent, ...children) {
  parent.replaceChildren();
  put(parent, ...children);
}

/** Replace all content but one child, which never leaves the page: focus and scroll stay in it. @param {Element} parent @param {Element} kept @param {Child[]} before @param {Child[]} after */
export function fillAround(parent, kept, before, after) {
  if (kept.parentNode !== parent) return fill(parent, before, kept, after);
  for (const child of [...parent.childNodes]) if (child !== kept) child.remove();
  const head = /** @type {any} */ (document.createDocumentFragment());
  put(head, before);
  kept.before(head);
  return put(parent, after);
}

/** The element of this id, which the template has. @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id} in the page`);
  return found;
}

/** Set text only where it differs: no layout for nothing, and no other node for other words. @param {Element} element @param {string} text */
export function say(element, text) {
  const only = /** @type {Text|null} */ (element.firstChild);
  if (only?.nodeType === 3 && !only.nextSibling) {
    if (only.data !== text) only.data = text;
  } else if (element.textContent !== text) element.textContent = text;
}

/** A text that runs on each second, of many: it knows what it says, and the page is not asked. */
export class Running {
  constructor() {
    this.node = new Text();
    this.said = '';
  }

  /** @param {string} text */
  say(text) {
    if (text !== this.said) this.node.data = this.said = text;
  }
}

/** Which button it is, and whose, whoever draws it. @param {any} one */
function identity(one) {
  const order = one.closest('[data-order]')?.dataset.order, phone = one.closest('[data-phone]')?.dataset.phone;
  return JSON.stringify([order, phone, one.id || (Object.keys(one.dataset).length ? { ...one.dataset } : one.getAttribute('aria-label') ?? one.textContent)]);
}

/** The focus again where it was, now that `before` was drawn anew or is gone. @param {Element} root @param {Element|null} before @param {(before: any) => Element|null} [instead] */
export function refocus(root, before, instead = () => null) {
  if (!before || document.activeElement !== document.body) return;
  if (before.isConnected) { /** @type {any} */ (before).focus({ preventScroll: true }); return; } // it was moved
  const name = identity(before);
  const same = [...root.querySelectorAll('button, a, [tabindex]')].filter((one) => identity(one) === name);
  /** @type {any} */ (same.length === 1 ? same[0] : instead(before))?.focus({ preventScroll: true });
}

/**
 * Draw anew, and leave the focus on the same button of the same thing; where that is gone, on what `instead` finds, else on
 * nothing: the next Enter must do no other deed.
 * @param {Element} root @param {() => void} draw @param {(before: any) => Element|null} [instead]
 */
export function keepingFocus(root, draw, instead) {
  const before = document.activeElement;
  draw();
  refocus(root, before, instead);
}

/** How much larger than on a desk everything is drawn: wall screens have a larger root font. */
export const enlarged = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;

/** Whether keys typed now go into a field. @param {Event} event */
export function typing(event) {
  const at = /** @type {HTMLElement|null} */ (event.target);
  return !!at?.closest?.('input, textarea, select, dialog');
}

/**
 * Bring keyed children of `parent` in line with `keys`, moving as little as possible and keeping the focus.
 * @param {Element} parent
 * @param {string[]} keys
 * @param {Map<string, HTMLElement>} known
 * @param {(key: string) => HTMLElement} make
 */
export function arrange(parent, keys, known, make) {
  const wanted = new Set(keys);
  for (const [key, element] of known) {
    if (!wanted.has(key)) {
      element.remove();
      known.delete(key);
    }
  }
  let at = parent.firstElementChild;
  for (const key of keys) {
    let element = known.get(key);
    if (!element) {
      element = make(key);
      known.set(key, element);
    }
    if (at && element === at.nextElementSibling) at = element; // the one before it belongs further back, and is put there in its turn
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}

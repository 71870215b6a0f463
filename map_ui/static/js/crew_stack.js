// @ts-check
/**
 * The crew's orders as the phone knows them (pure): what the centre answered to a press is in them before the press is
 * forgotten, and no older look at the centre takes it out again. So no button that was taken comes back.
 */

/** @typedef {import('./board_state.js').Order} Order */
/** @typedef {{crew: {id: string}, orders: Order[], to_record: Order[], [more: string]: any}} Stack */

/** With one order as the centre has it now. @param {Stack} stack @param {Order} order @returns {Stack} */
export function took(stack, order) {
  const here = order.crew_id === stack.crew.id;
  const aboard = here && !['restored', 'recorded', 'closed', 'cancelled'].includes(order.state);
  const others = stack.to_record.filter((one) => one.id !== order.id);
  return {
    ...stack,
    orders: stack.orders.flatMap((one) => (one.id !== order.id ? [one] : aboard ? [order] : [])),
    to_record: here && order.state === 'restored' ? [...others, order] : others,
  };
}

/** The same where the centre said only the order's state: a press found its step taken. @param {Stack} stack @param {string} id @param {string} state @returns {Stack} */
export function moved(stack, id, state) {
  const order = stack.orders.find((one) => one.id === id);
  return order ? took(stack, { ...order, state }) : stack;
}

/** A look at the centre, with those answers that are newer than it. @param {Stack} fresh @param {Iterable<Order>} answers @returns {Stack} */
export function withNewer(fresh, answers) {
  const version = new Map([...fresh.orders, ...fresh.to_record].map((one) => [one.id, one.version]));
  let stack = fresh;
  for (const one of answers) if (one.version > (version.get(one.id) ?? Infinity)) stack = took(stack, one);
  return stack;
}

/** What a person gives a program of the simulator as a number; throws what is wrong with it. */
export function wholeNumber(text: string, what: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < 0) {
    throw new Error(`Cannot use ${what} "${text}": give a whole number of at least 0`);
  }
  return number;
}

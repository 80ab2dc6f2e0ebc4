/** Now, in microseconds since the epoch: the API's unit. */
export function nowMicroseconds(): number {
  return Date.now() * 1000;
}

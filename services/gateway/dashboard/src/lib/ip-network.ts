const MAX_GROUPS = 8;

/** Whether a text is an IP address. */
export const isAddress = (text: string): boolean => isIpv4(text) || isIpv6(text);

/** A network as it is shown: that of a single address is the address. */
export function networkText(network: string): string {
  const isWhole = network.endsWith(network.includes(":") ? "/128" : "/32");
  return isWhole ? firstAddress(network) : network;
}

/** The address by which a network is named where a single one is asked for. */
export const firstAddress = (network: string): string => network.split("/")[0] ?? network;

/** Whether a text is an IP address, or a network such as `10.0.0.0/8` or `2001:db8::/32`. The server has the last word. */
export function isNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const bits = isIpv4(address) ? 32 : isIpv6(address) ? 128 : null;
  if (bits === null || more.length > 0) return false;
  return prefix === undefined || (/^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits);
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  // The last 32 bits can be written as an IPv4 address.
  const isMapped = last.includes(".");
  if (isMapped && (text.endsWith("::") || !isIpv4(last))) return false;
  const hex = isMapped ? groups.slice(0, -1) : groups;
  const count = hex.length + (isMapped ? 2 : 0);
  return (
    hex.every((group) => /^[\da-f]{1,4}$/i.test(group)) &&
    (halves.length === 2 ? count < MAX_GROUPS : count === MAX_GROUPS)
  );
}

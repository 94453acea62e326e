/** What a link to a view of the page holds. */
export interface Address {
  asset: string | null;
  range: string | null;
  /** What is open, by name, such as the alert in the drawer. */
  parameters: Record<string, string>;
}

/** Reads the fragment of a URL, which a person can have written: `#BTC/30d?alert=…`. */
export function parseAddress(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const [asset = "", range = ""] = path.split("/");
  return {
    asset: /^[A-Z0-9]{1,20}$/.test(asset) ? asset : null,
    range: range || null,
    parameters: Object.fromEntries(new URLSearchParams(query)),
  };
}

export function formatAddress({ asset, range, parameters }: Address): string {
  const query = new URLSearchParams(parameters).toString();
  return `#${asset ?? ""}/${range ?? ""}${query && `?${query}`}`;
}

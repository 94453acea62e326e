import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "./address.ts";

test("address has the asset, the window and what is open", () => {
  assert.equal(formatAddress({ asset: "BTC", range: "30d", parameters: {} }), "#BTC/30d");
  const address = { asset: "ETH", range: "7d", parameters: { alert: "0190-a", tab: "alerts" } };
  assert.equal(formatAddress(address), "#ETH/7d?alert=0190-a&tab=alerts");
  assert.deepEqual(parseAddress("#ETH/7d?alert=0190-a&tab=alerts"), address);
});

test("anything in the address is taken without an error", () => {
  assert.deepEqual(parseAddress(""), { asset: null, range: null, parameters: {} });
  assert.deepEqual(parseAddress("#main"), { asset: null, range: null, parameters: {} });
  assert.deepEqual(parseAddress("#<b>/7d?%E0%A4%A&tab"), {
    asset: null,
    range: "7d",
    parameters: { "\ufffd%A": "", tab: "" },
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { firstAddress, isAddress, isNetwork, networkText } from "./ip-network.ts";

test("addresses and networks of both kinds are accepted", () => {
  for (const text of [
    "203.0.113.7",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "255.255.255.255/32",
    "::",
    "::1",
    "fe80::1",
    "2001:db8::/32",
    "2001:DB8:0:0:8:800:200c:417a/128",
    "::ffff:203.0.113.7",
    "64:ff9b::192.0.2.33/96",
  ])
    assert.equal(isNetwork(text), true, text);
});

test("what is neither is refused", () => {
  for (const text of [
    "",
    "localhost",
    "203.0.113",
    "203.0.113.256",
    "203.0.113.07",
    "203.0.113.7/33",
    "203.0.113.7/",
    "203.0.113.7/8/8",
    "203.0.113.7:80",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "2001:db8::g",
    "::/129",
    "203.0.113.7::",
    "[::1]",
  ])
    assert.equal(isNetwork(text), false, text);
});

test("network of one address is shown as the address", () => {
  assert.equal(networkText("203.0.113.7/32"), "203.0.113.7");
  assert.equal(networkText("203.0.113.0/24"), "203.0.113.0/24");
  assert.equal(networkText("2001:db8::/32"), "2001:db8::/32");
  assert.equal(networkText("2001:db8::1/128"), "2001:db8::1");
  assert.equal(firstAddress("2001:db8::/64"), "2001:db8::");
  assert.deepEqual(["203.0.113.7", "::1", "10.0.0.0/8", ""].map(isAddress), [true, true, false, false]);
});

/**
 * Background of a correlation from -1 to 1: the paper's at zero, blue above, orange below. Blue and orange are
 * distinguishable with every kind of color blindness.
 */
type Channels = readonly [red: number, green: number, blue: number];

interface Scale {
  zero: Channels;
  positive: Channels;
  negative: Channels;
}

const LIGHT: Scale = { zero: [255, 255, 255], positive: [47, 79, 216], negative: [194, 84, 20] };
/** Dark at both ends too, so that all cells have the same light text. */
const DARK: Scale = { zero: [27, 31, 38], positive: [66, 96, 228], negative: [190, 78, 24] };

/** One of black and white has 4.5 : 1 on every color, which the page's ink, a little lighter than black, has not. */
const BLACK: Channels = [0, 0, 0];
const WHITE: Channels = [255, 255, 255];

/** For both themes: the browser takes the one that is shown. */
export function correlationColor(value: number): { background: string; color: string } {
  const [light, dark] = [LIGHT, DARK].map((scale) => backgroundOn(scale, value)) as [Channels, Channels];
  return { background: both(light, dark), color: both(contrasting(light), contrasting(dark)) };
}

function backgroundOn({ zero, positive, negative }: Scale, value: number): Channels {
  const strength = Math.min(1, Math.abs(value)) ** 1.6 * 0.92;
  const end = value >= 0 ? positive : negative;
  return zero.map((channel, i) => Math.round(channel + ((end[i] ?? 0) - channel) * strength)) as unknown as Channels;
}

const both = (light: Channels, dark: Channels): string => `light-dark(rgb(${light.join(" ")}), rgb(${dark.join(" ")}))`;

/** White or black, whichever has the higher contrast. */
function contrasting(background: Channels): Channels {
  return contrast(WHITE, background) > contrast(BLACK, background) ? WHITE : BLACK;
}

/** By WCAG, from relative luminances. */
function contrast(one: Channels, other: Channels): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(channels: Channels): number {
  const [r = 0, g = 0, b = 0] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

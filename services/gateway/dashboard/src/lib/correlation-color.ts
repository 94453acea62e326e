/**
 * Background of a correlation from -1 to 1: white at zero, blue above, orange below. Blue and orange are
 * distinguishable with every kind of color blindness.
 */
const POSITIVE = [47, 79, 216] as const;
const NEGATIVE = [194, 84, 20] as const;

export function correlationColor(value: number): { background: string; color: string } {
  const strength = Math.min(1, Math.abs(value)) ** 1.6 * 0.92;
  const hue = value >= 0 ? POSITIVE : NEGATIVE;
  const channels = hue.map((channel) => Math.round(255 + (channel - 255) * strength));
  return { background: `rgb(${channels.join(" ")})`, color: contrastingInk(channels) };
}

/** White or ink, whichever has the higher contrast (WCAG relative luminance). */
function contrastingInk(channels: number[]): string {
  const [r = 1, g = 1, b = 1] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.06 ? "#ffffff" : "#16181d";
}

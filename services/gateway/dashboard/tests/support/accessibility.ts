import type { Page } from "playwright-core";

/** Finds missing names, duplicate ids and text with too little contrast. */
export function accessibilityIssues(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const seen = (element: Element): boolean =>
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
      !element.closest("[aria-hidden=true]");
    const describe = (element: Element): string => {
      const text = (element.textContent ?? "").slice(0, 30);
      return `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} "${text}"`;
    };

    if (!document.documentElement.lang) found.push("the page names no language");
    if ([...document.querySelectorAll("h1")].filter(seen).length !== 1) found.push("there is not exactly one h1");

    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    for (const id of new Set(ids))
      if (ids.filter((other) => other === id).length > 1) found.push(`id ${id} is doubled`);
    for (const attribute of ["aria-labelledby", "aria-describedby"])
      for (const element of document.querySelectorAll(`[${attribute}]`))
        for (const id of element.getAttribute(attribute)?.split(" ") ?? [])
          if (!document.getElementById(id)) found.push(`${attribute} of ${describe(element)} points nowhere`);

    for (const control of document.querySelectorAll("input, select, textarea"))
      if (!(control as HTMLInputElement).labels?.length && !control.getAttribute("aria-label"))
        found.push(`${describe(control)} has no label`);
    for (const control of document.querySelectorAll("button, a, [role=img], [role=grid], [role=listbox], dialog"))
      if (
        !control.getAttribute("aria-label") &&
        !control.getAttribute("aria-labelledby") &&
        !control.getAttribute("title") &&
        !control.textContent?.trim()
      )
        found.push(`${describe(control)} has no name`);

    type Colour = [r: number, g: number, b: number, a: number];
    const parse = (text: string): Colour => {
      const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
      return [r, g, b, a];
    };
    const luminance = ([r, g, b]: Colour): number => {
      const [x = 0, y = 0, z = 0] = [r, g, b].map((channel) => {
        const share = channel / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const background = (element: Element | null): Colour => {
      for (let at = element; at; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour[3] > 0.9) return colour;
      }
      return [255, 255, 255, 1];
    };
    for (const element of document.querySelectorAll("body *")) {
      const hasText = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim(),
      );
      if (!hasText || !seen(element) || element.closest(".visually-hidden, svg, :disabled")) continue;
      const style = getComputedStyle(element);
      const [one, other] = [luminance(parse(style.color)), luminance(background(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      const large = parseFloat(style.fontSize) >= 24;
      if (contrast < (large ? 3 : 4.5)) found.push(`${describe(element)} has contrast ${contrast.toFixed(2)}`);
    }
    return found;
  });
}

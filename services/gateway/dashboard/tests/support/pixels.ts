import type { Page } from "playwright-core";

/** A color of the style sheet as the page shows it now. */
export const shownColor = (page: Page, name: string): Promise<string> =>
  page.evaluate((wanted) => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = `var(--${wanted})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }, name);

/** Where a chart has pixels of exactly this color: the first and the last column, in its canvases' own pixels. */
export const columnsOf = (page: Page, chart: string, color: string): Promise<[first: number, last: number] | null> =>
  page.evaluate(
    ([selector = "", wanted = ""]) => {
      const [r, g, b] = (wanted.match(/\d+/g) ?? []).map(Number);
      const columns: number[] = [];
      for (const canvas of document.querySelectorAll<HTMLCanvasElement>(`${selector} canvas`)) {
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext("2d", { willReadFrequently: true });
        if (!context || canvas.width === 0 || canvas.height === 0) continue;
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        for (let at = 0; at < data.length; at += 4)
          if (data[at] === r && data[at + 1] === g && data[at + 2] === b && data[at + 3] === 255)
            columns.push((at / 4) % copy.width);
      }
      if (columns.length === 0) return null;
      return [
        columns.reduce((one, other) => Math.min(one, other)),
        columns.reduce((one, other) => Math.max(one, other)),
      ];
    },
    [chart, color],
  );

/** The color of one pixel of the screen. */
export async function pixelAt(page: Page, x: number, y: number): Promise<string> {
  const png = await page.screenshot({ clip: { x, y, width: 1, height: 1 } });
  return page.evaluate(
    async (address) => {
      const image = new Image();
      image.src = address;
      await image.decode();
      const context = document.createElement("canvas").getContext("2d");
      context?.drawImage(image, 0, 0);
      const [r, g, b] = context?.getImageData(0, 0, 1, 1).data ?? [];
      return `rgb(${r}, ${g}, ${b})`;
    },
    `data:image/png;base64,${png.toString("base64")}`,
  );
}

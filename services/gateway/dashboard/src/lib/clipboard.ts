/**
 * Copies text. The clipboard interface exists only on secure pages, and a private installation is
 * often reached over plain HTTP, so there is the old way as well.
 */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const holder = document.createElement("textarea");
  holder.value = text;
  holder.setAttribute("readonly", "");
  holder.style.position = "fixed";
  holder.style.opacity = "0";
  // Inside an open dialog, or the browser refuses to focus it.
  const parent = document.querySelector("dialog[open]") ?? document.body;
  parent.append(holder);
  holder.select();
  const copied = document.execCommand("copy");
  holder.remove();
  return copied;
}

/**
 * The clipboard API exists only in secure contexts, and a private installation is often reached over plain HTTP, so
 * there is a fallback.
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
  // Elements outside of an open modal dialog cannot be focused.
  const parent = document.querySelector("dialog[open]") ?? document.body;
  parent.append(holder);
  holder.select();
  const copied = document.execCommand("copy");
  holder.remove();
  return copied;
}

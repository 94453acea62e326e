import type { ComponentChildren, JSX } from "preact";
import { Tooltip } from "./tooltip.tsx";

/** One number: its name, which says its window, what it means, and its value. */
export interface TileProps {
  label: string;
  about: string;
  value: ComponentChildren;
  /** Why there is no value. */
  reason?: string | undefined;
}

interface Props {
  caption: string;
  /** The name for screen readers. */
  label: string;
  tiles: TileProps[];
  isLoading?: boolean;
}

/** Numbers of one kind, with the time that they belong to as their caption. */
export function TileGroup({ caption, label, tiles, isLoading = false }: Props): JSX.Element {
  return (
    <div class="tile-group">
      <h3>{caption}</h3>
      <dl aria-label={label} aria-busy={isLoading}>
        {tiles.map((tile) => (
          <div key={tile.label}>
            <dt>
              <Tooltip text={tile.about}>{tile.label}</Tooltip>
            </dt>
            <dd>{isLoading ? <span class="skeleton text" /> : <TileValue tile={tile} />}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

export function TileValue({ tile }: { tile: TileProps }): JSX.Element {
  return tile.reason ? <Tooltip text={tile.reason}>{tile.value}</Tooltip> : <>{tile.value}</>;
}

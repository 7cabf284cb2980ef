/** The documents of a page, with what can be done to them. */
import type { JSX } from "preact";
import type { ItemHead } from "../../../src/memory/types.ts";
import { formatAge, formatBytes, formatCount, nameOf } from "../format.ts";
import { opened, openReader } from "../reader/state.ts";
import { Icon } from "../shell/icons.tsx";
import { planDelete, select, selected, selectPage } from "./state.ts";

export function ItemsTable({ items }: { readonly items: readonly ItemHead[] }): JSX.Element {
  const allSelected = items.length > 0 && items.every(({ id }) => selected.value.has(id));
  return (
    <table class="items">
      <caption class="visually-hidden">Documents</caption>
      <thead>
        <tr>
          <th scope="col" class="tick">
            <input
              type="checkbox"
              aria-label="Select all on this page"
              checked={allSelected}
              onChange={(event) => selectPage(event.currentTarget.checked)}
            />
          </th>
          <th scope="col">Document</th>
          <th scope="col" class="num">
            Passages
          </th>
          <th scope="col" class="num">
            Size
          </th>
          <th scope="col">Changed</th>
          <th scope="col">
            <span class="visually-hidden">Forget</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <ItemRow key={item.id} item={item} />
        ))}
      </tbody>
    </table>
  );
}

function ItemRow({ item }: { readonly item: ItemHead }): JSX.Element {
  const { id } = item;
  const title = nameOf(item);
  return (
    <tr class={opened.value?.id === id ? "open" : undefined}>
      <td class="tick">
        <input
          type="checkbox"
          aria-label={`Select ${title}`}
          checked={selected.value.has(id)}
          onChange={(event) => select(id, event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <button type="button" class="open-item" onClick={() => void openReader(id, title)}>
          <span class="title" dir="auto">
            {title}
          </span>
          {id !== title && <span class="id">{id}</span>}
        </button>
      </th>
      <td class="num" data-label="passages">
        {formatCount(item.passages)}
        <span class="unit"> {item.passages === 1 ? "passage" : "passages"}</span>
      </td>
      <td class="num" data-label="size">
        {formatBytes(item.bytes)}
      </td>
      <td class="when">
        <time dateTime={new Date(item.updatedAt).toISOString()}>{formatAge(item.updatedAt)}</time>
      </td>
      <td class="act">
        <button
          type="button"
          class="quiet"
          aria-label={`Forget ${title}`}
          title="Forget"
          onClick={() => void planDelete([id])}
        >
          <Icon name="trash" />
        </button>
      </td>
    </tr>
  );
}

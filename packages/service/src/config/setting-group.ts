import { z } from "zod";

/** Settings by name; a group may hold groups. */
export type GroupShape = Readonly<Record<string, z.ZodType>>;

const groups = new WeakMap<z.ZodType, GroupShape>();
const groupLists = new WeakMap<z.ZodType, z.ZodType>();

/** The settings of a group; undefined for a schema that is not one. */
export function groupShape(schema: z.ZodType): GroupShape | undefined {
  return groups.get(schema);
}

/** The schema of each entry of a list of groups; undefined for a schema that is none. */
export function groupListEntry(schema: z.ZodType): z.ZodType | undefined {
  return groupLists.get(schema);
}

/** A group of settings. Unknown keys are refused; an absent or empty group is all defaults. */
export function group<Shape extends GroupShape>(shape: Shape) {
  const schema = z.preprocess((value) => value ?? {}, z.strictObject(shape)).prefault({});
  groups.set(schema, shape);
  return schema;
}

/** A group of settings that may be absent as a whole, which is null; an empty one (`{}`) is all defaults. */
export function optionalGroup<Shape extends GroupShape>(shape: Shape) {
  const schema = z.preprocess((value) => value ?? null, z.strictObject(shape).nullable()).prefault(null);
  groups.set(schema, shape);
  return schema;
}

/** A list of groups, which may be absent: that is the empty one. */
export function groupList<Shape extends GroupShape>(shape: Shape, maxItems: number) {
  const entry = group(shape);
  const list = z.array(entry).superRefine((items, context) => {
    if (items.length > maxItems) {
      context.addIssue({ code: "custom", message: `must have at most ${maxItems} entries` });
    }
  });
  const schema = z.preprocess((value) => value ?? [], list).prefault([]);
  groupLists.set(schema, entry);
  return schema;
}

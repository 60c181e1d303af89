// Every row of every CSV twin, read by datapackage-js with its types and its relations checked:
// node rows.mjs FOLDER
import fs from "node:fs";
import datapackage from "datapackage";

const folder = process.argv[2];
const text = fs.readFileSync(`${folder}/datapackage.json`);
const delimited = () => {
  const descriptor = JSON.parse(text);
  descriptor.resources = descriptor.resources.filter((each) => each.format === "csv");
  // Its datetimes are those of version 1 of the standard, which must end in Z.
  for (const each of descriptor.resources)
    for (const field of each.schema.fields)
      if (field.type === "datetime" && !field.format) field.format = "any";
  return descriptor;
};
let total = 0;
for (const { name, schema } of delimited().resources) {
  // One foreign key at a time: it puts the row that is referred to in the place of the key's
  // fields, so that a second key which shares a field with the first finds nothing.
  for (const key of schema.foreignKeys ?? [null]) {
    const descriptor = delimited();
    for (const each of descriptor.resources)
      each.schema.foreignKeys = key && each.name === name ? [key] : [];
    const whole = await datapackage.Package.load(descriptor, { basePath: folder });
    if (!whole.valid) throw new Error(whole.errors.map((each) => each.message).join("; "));
    const rows = await whole.getResource(name).read({ relations: true, keyed: true });
    if (key === (schema.foreignKeys ?? [null])[0]) total += rows.length;
  }
}
console.log(`datapackage-js reads ${total.toLocaleString("en")} rows of CSV, relations checked`);

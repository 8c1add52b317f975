// Print the TypeScript files named, without comments, spacing or the order of members: what is left is their meaning.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const ts = createRequire(path.join(process.cwd(), "package.json"))("typescript");
const printer = ts.createPrinter({ removeComments: true });

const byText = (source) => (one, other) => {
  const [left, right] = [one, other].map((node) => printer.printNode(ts.EmitHint.Unspecified, node, source));
  return left < right ? -1 : Number(left > right);
};

function meaning(file) {
  const source = ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const order = byText(source);
  const sort = (context) => {
    const visit = (given) => {
      const node = ts.visitEachChild(given, visit, context);
      const make = context.factory;
      if (ts.isTypeLiteralNode(node)) return make.createTypeLiteralNode([...node.members].sort(order));
      if (ts.isUnionTypeNode(node)) return make.createUnionTypeNode([...node.types].sort(order));
      if (ts.isInterfaceDeclaration(node)) {
        const members = [...node.members].sort(order);
        return make.updateInterfaceDeclaration(
          node, node.modifiers, node.name, node.typeParameters, node.heritageClauses, members,
        );
      }
      return node;
    };
    return (root) => ts.visitNode(root, visit);
  };
  const [sorted] = ts.transform(source, [sort]).transformed;
  return printer.printFile(sorted);
}

process.stdout.write(meaning(process.argv[2]));

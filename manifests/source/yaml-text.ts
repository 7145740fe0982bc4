/** Objects as YAML that people read in a diff: long lines whole, line breaks kept. */
import { stringify } from 'yaml';

export function yamlText(object: object): string {
  return stringify(object, { aliasDuplicateObjects: false, blockQuote: 'literal', lineWidth: 0 });
}

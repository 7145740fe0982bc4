#!/usr/bin/env node
// The program `dynakv` (how it starts: `launch.js`).
import { launch } from './launch.js';

await launch(new URL('../main.js', import.meta.url));

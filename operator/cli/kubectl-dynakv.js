#!/usr/bin/env node
// The plugin `kubectl dynakv`: kubectl runs it by its name.
import { launch } from '../../node/cli/launch.js';

await launch(new URL('./kubectl-dynakv-main.js', import.meta.url));

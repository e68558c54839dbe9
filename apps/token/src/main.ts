import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { tokenConfig } from './token.config.js';
import { tokenApp } from './token.app.js';

await startService(() => tokenApp(tokenConfig()));

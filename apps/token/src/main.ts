import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { tokenConfig } from './token.config.js';
import { tokenService } from './token.service.js';

await startService(() => tokenService(tokenConfig()));

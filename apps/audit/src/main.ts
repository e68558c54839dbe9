import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { auditConfig } from './audit.config.js';
import { auditApp } from './audit.app.js';

await startService(() => auditApp(auditConfig()));

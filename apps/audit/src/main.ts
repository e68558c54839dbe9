import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { auditConfig } from './audit.config.js';
import { auditService } from './audit.service.js';

await startService(() => auditService(auditConfig()));

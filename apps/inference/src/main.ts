import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { inferenceConfig } from './inference.config.js';
import { inferenceService } from './inference.service.js';

await startService(() => inferenceService(inferenceConfig()));

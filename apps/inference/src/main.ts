import 'reflect-metadata';
import { startService } from '@rebelcore/service/bootstrap';
import { inferenceConfig } from './inference.config.js';
import { inferenceApp } from './inference.app.js';

await startService(() => inferenceApp(inferenceConfig()));

import { migrate } from '@rebelcore/service/migrate';
import { migrations } from './migrations/migrations.js';

await migrate('audit', migrations);

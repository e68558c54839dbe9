import { manageSigningKeys } from '@rebelcore/service/manage-signing-keys';

await manageSigningKeys('identity');

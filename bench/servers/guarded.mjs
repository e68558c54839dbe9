// A downstream API with one endpoint, guarded by libs/api-access; with `recording` each call is recorded before its answer.
import 'reflect-metadata';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { API_USER_TOKENS, ApiUserGuard } from '@rebelcore/api-access/api-user.guard';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import { serve } from '../lib/child.mjs';

class CallController {
  call() {
    return 'ok';
  }
}
const call = Object.getOwnPropertyDescriptor(CallController.prototype, 'call');
Get('call')(CallController.prototype, 'call', call);
UseGuards(ApiUserGuard)(CallController.prototype, 'call', call);
Controller()(CallController);

serve(async ({ jwksUri, issuer, audience, recording }) => {
  class ApiModule {}
  Module({
    controllers: [CallController],
    providers: [ApiUserGuard, { provide: API_USER_TOKENS, useValue: { jwksUri, issuer, audience } }],
  })(ApiModule);
  const app = await NestFactory.create(ApiModule, new FastifyAdapter(), { logger: ['error'] });
  if (recording) {
    const { brokers, login, spoolDir } = recording;
    const publisher = new KafkaPublisher(createKafka({ brokers, clientId: 'bench-guarded', sasl: login }));
    const recorder = new CallRecorder({ service: 'bench', publisher, spool: await CallSpool.open(spoolDir, 1e9) });
    recordCalls(app.getHttpAdapter().getInstance(), { service: 'bench', recorder, when: () => true });
  }
  await app.listen(0, '127.0.0.1');
  return [{ port: app.getHttpServer().address().port }, () => Promise.resolve({})];
});

import 'reflect-metadata';
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { API_USER_TOKENS, ApiUserGuard } from '@rebelcore/api-access/api-user.guard';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import type { FastifyRequest } from 'fastify';

// The whole of a downstream API as somebody outside this repository writes it; `packages.e2e-spec.ts` installs and runs it.
const { JWKS_URI = '', KAFKA_BROKERS = '', KAFKA_LOGIN = '{}', SPOOL_DIR = '' } = process.env;

@Controller()
class WhoAmIController {
  @Get('who-am-i')
  @UseGuards(ApiUserGuard)
  whoAmI(@Req() request: FastifyRequest): object {
    return { api_user_id: request.apiUser?.apiUserId, customer_id: request.apiUser?.customerId };
  }
}

const tokens = { jwksUri: JWKS_URI, issuer: process.env.TOKEN_ISSUER ?? '', audience: 'rebelcore-api' };
@Module({ controllers: [WhoAmIController], providers: [ApiUserGuard, { provide: API_USER_TOKENS, useValue: tokens }] })
class OutsideModule {}

const sasl = JSON.parse(KAFKA_LOGIN) as { username: string; password: string };
const kafka = createKafka({ brokers: KAFKA_BROKERS.split(','), clientId: 'outside', sasl });
const spool = await CallSpool.open(SPOOL_DIR, 1_000_000);
const recorder = new CallRecorder({ service: 'outside', publisher: new KafkaPublisher(kafka), spool });
const app = await NestFactory.create<NestFastifyApplication>(OutsideModule, new FastifyAdapter(), { logger: false });
recordCalls(app.getHttpAdapter().getInstance(), { service: 'outside', recorder, when: () => true });
await app.listen(0, '127.0.0.1');
process.stdout.write(`${await app.getUrl()}\n`);

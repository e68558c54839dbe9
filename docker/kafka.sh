#!/usr/bin/env bash
# Starts one KRaft node of the official image with the settings of the embedded one: SCRAM for clients, PLAIN between
# controllers, access rules for everybody but the administrator. Users are fixed when the storage is formatted.
set -euo pipefail
config=/tmp/server.properties
umask 077
scram='org.apache.kafka.common.security.scram.ScramLoginModule'
plain='org.apache.kafka.common.security.plain.PlainLoginModule'
cat > "$config" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=CLIENT://:9092,CONTROLLER://localhost:9093
advertised.listeners=CLIENT://kafka:9092
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
log.dirs=/var/lib/kafka/data
sasl.enabled.mechanisms=SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.client.scram-sha-256.sasl.jaas.config=$scram required username="admin" password="$KAFKA_ADMIN_PASSWORD";
listener.name.controller.plain.sasl.jaas.config=$plain required username="admin" password="$KAFKA_ADMIN_PASSWORD" user_admin="$KAFKA_ADMIN_PASSWORD";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
EOF
# In a file, which the JVM reads: arguments can be read by everybody on the machine.
arguments=/tmp/format.args
{
  printf '"%s"\n' kafka.tools.StorageTool format -t "$KAFKA_CLUSTER_ID" -c "$config" --ignore-formatted
  for name in admin identity token audit inference subscriber; do
    variable="KAFKA_${name^^}_PASSWORD"
    printf '"%s"\n' --add-scram "SCRAM-SHA-256=[name=$name,password=${!variable}]"
  done
} > "$arguments"
/opt/kafka/bin/kafka-run-class.sh "@$arguments"
rm "$arguments"
exec /opt/kafka/bin/kafka-server-start.sh "$config"

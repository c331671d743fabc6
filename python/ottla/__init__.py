"""Ottla: the streaming log you install with pip.

A broker that speaks Kafka's protocol, its clients, and Arrow batches, in one package.

Examples
--------
>>> import ottla
>>> with ottla.Broker() as broker:
...     with ottla.Producer(broker) as producer:
...         producer.produce("orders", b"one", key=b"k")
...     ottla.read(broker, "orders")
<ottla.Batch of 1 records from orders-0>
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ottla._core import Delivered as Delivered
    from ottla._core import Delivery as Delivery
    from ottla._core import Message as Message
    from ottla._core import __version__ as __version__
    from ottla.admin import Admin as Admin
    from ottla.admin import BrokerDescription as BrokerDescription
    from ottla.admin import ClusterDescription as ClusterDescription
    from ottla.admin import ConfigEntry as ConfigEntry
    from ottla.admin import LogDirectoryDescription as LogDirectoryDescription
    from ottla.admin import PartitionDescription as PartitionDescription
    from ottla.admin import TopicDescription as TopicDescription
    from ottla.assignor import Assignor as Assignor
    from ottla.assignor import GroupMember as GroupMember
    from ottla.assignor import GroupPartitions as GroupPartitions
    from ottla.batch import Batch as Batch
    from ottla.bounded_read import read as read
    from ottla.broker import Broker as Broker
    from ottla.broker_metrics import BrokerMetrics as BrokerMetrics
    from ottla.consumer import Consumer as Consumer
    from ottla.consumer_lag import ConsumerLag as ConsumerLag
    from ottla.consumer_lag import ConsumerLagRow as ConsumerLagRow
    from ottla.deserialized import DeserializedMessage as DeserializedMessage
    from ottla.errors import BrokerStartError as BrokerStartError
    from ottla.errors import BrokerUnreachable as BrokerUnreachable
    from ottla.errors import BufferFull as BufferFull
    from ottla.errors import CallbackError as CallbackError
    from ottla.errors import ClosedError as ClosedError
    from ottla.errors import ColumnError as ColumnError
    from ottla.errors import CommitError as CommitError
    from ottla.errors import ConfigError as ConfigError
    from ottla.errors import ConfigWarning as ConfigWarning
    from ottla.errors import ConsumeError as ConsumeError
    from ottla.errors import CorruptRecordError as CorruptRecordError
    from ottla.errors import DeliveryError as DeliveryError
    from ottla.errors import DeliveryFailed as DeliveryFailed
    from ottla.errors import DeliveryInDoubt as DeliveryInDoubt
    from ottla.errors import DeserializationError as DeserializationError
    from ottla.errors import ForkedProcessError as ForkedProcessError
    from ottla.errors import GroupActiveError as GroupActiveError
    from ottla.errors import GroupError as GroupError
    from ottla.errors import LogTruncation as LogTruncation
    from ottla.errors import OffsetOutOfRange as OffsetOutOfRange
    from ottla.errors import OttlaError as OttlaError
    from ottla.errors import PartitionLost as PartitionLost
    from ottla.errors import PollIntervalExceeded as PollIntervalExceeded
    from ottla.errors import ProducerFenced as ProducerFenced
    from ottla.errors import RecordTooLarge as RecordTooLarge
    from ottla.errors import Timeout as Timeout
    from ottla.errors import TopicExistsError as TopicExistsError
    from ottla.errors import TransactionAbortable as TransactionAbortable
    from ottla.errors import TransactionError as TransactionError
    from ottla.errors import TransactionStateError as TransactionStateError
    from ottla.errors import UnknownGroupError as UnknownGroupError
    from ottla.errors import UnknownTopicError as UnknownTopicError
    from ottla.errors import UnknownTransactionalIdError as UnknownTransactionalIdError
    from ottla.group_admin import CommittedOffset as CommittedOffset
    from ottla.group_admin import GroupDescription as GroupDescription
    from ottla.group_admin import GroupListing as GroupListing
    from ottla.group_admin import MemberDescription as MemberDescription
    from ottla.group_admin import PlannedOffset as PlannedOffset
    from ottla.interceptor import Interceptor as Interceptor
    from ottla.lag import Lag as Lag
    from ottla.lag import PartitionLag as PartitionLag
    from ottla.metrics import ConsumerMetrics as ConsumerMetrics
    from ottla.offset import OffsetAndMetadata as OffsetAndMetadata
    from ottla.processor import Processor as Processor
    from ottla.processor import ProcessorOutput as ProcessorOutput
    from ottla.producer import Producer as Producer
    from ottla.report import FlushReport as FlushReport
    from ottla.report import PartitionReport as PartitionReport
    from ottla.topic_partition import TopicPartition as TopicPartition
    from ottla.transaction import Transaction as Transaction
    from ottla.transaction_admin import HangingTransaction as HangingTransaction
    from ottla.transaction_admin import ProducerState as ProducerState
    from ottla.transaction_admin import TransactionDescription as TransactionDescription
    from ottla.transaction_admin import TransactionListing as TransactionListing

__all__ = [
    "Admin",
    "Assignor",
    "Batch",
    "Broker",
    "BrokerDescription",
    "BrokerMetrics",
    "BrokerStartError",
    "BrokerUnreachable",
    "BufferFull",
    "CallbackError",
    "ClosedError",
    "ClusterDescription",
    "ColumnError",
    "CommitError",
    "CommittedOffset",
    "ConfigEntry",
    "ConfigError",
    "ConfigWarning",
    "ConsumeError",
    "Consumer",
    "ConsumerLag",
    "ConsumerLagRow",
    "ConsumerMetrics",
    "CorruptRecordError",
    "Delivered",
    "Delivery",
    "DeliveryError",
    "DeliveryFailed",
    "DeliveryInDoubt",
    "DeserializationError",
    "DeserializedMessage",
    "FlushReport",
    "ForkedProcessError",
    "GroupActiveError",
    "GroupDescription",
    "GroupError",
    "GroupListing",
    "GroupMember",
    "GroupPartitions",
    "HangingTransaction",
    "Interceptor",
    "Lag",
    "LogDirectoryDescription",
    "LogTruncation",
    "MemberDescription",
    "Message",
    "OffsetAndMetadata",
    "OffsetOutOfRange",
    "OttlaError",
    "PartitionDescription",
    "PartitionLag",
    "PartitionLost",
    "PartitionReport",
    "PlannedOffset",
    "PollIntervalExceeded",
    "Processor",
    "ProcessorOutput",
    "Producer",
    "ProducerFenced",
    "ProducerState",
    "RecordTooLarge",
    "Timeout",
    "TopicDescription",
    "TopicExistsError",
    "TopicPartition",
    "Transaction",
    "TransactionAbortable",
    "TransactionDescription",
    "TransactionError",
    "TransactionListing",
    "TransactionStateError",
    "UnknownGroupError",
    "UnknownTopicError",
    "UnknownTransactionalIdError",
    "__version__",
    "read",
]

# Where each name lives. A module is imported when its first name is used, so that `import ottla`
# costs next to nothing and a program pays for the parts that it uses.
_HOMES = {
    "Admin": "admin",
    "Assignor": "assignor",
    "Batch": "batch",
    "Broker": "broker",
    "BrokerDescription": "admin",
    "BrokerMetrics": "broker_metrics",
    "BrokerStartError": "errors",
    "BrokerUnreachable": "errors",
    "BufferFull": "errors",
    "CallbackError": "errors",
    "ClosedError": "errors",
    "ClusterDescription": "admin",
    "ColumnError": "errors",
    "CommitError": "errors",
    "CommittedOffset": "group_admin",
    "ConfigEntry": "admin",
    "ConfigError": "errors",
    "ConfigWarning": "errors",
    "ConsumeError": "errors",
    "Consumer": "consumer",
    "ConsumerLag": "consumer_lag",
    "ConsumerLagRow": "consumer_lag",
    "ConsumerMetrics": "metrics",
    "CorruptRecordError": "errors",
    "Delivered": "_core",
    "Delivery": "_core",
    "DeliveryError": "errors",
    "DeliveryFailed": "errors",
    "DeliveryInDoubt": "errors",
    "DeserializationError": "errors",
    "DeserializedMessage": "deserialized",
    "FlushReport": "report",
    "ForkedProcessError": "errors",
    "GroupActiveError": "errors",
    "GroupDescription": "group_admin",
    "GroupError": "errors",
    "GroupListing": "group_admin",
    "GroupMember": "assignor",
    "GroupPartitions": "assignor",
    "HangingTransaction": "transaction_admin",
    "Interceptor": "interceptor",
    "Lag": "lag",
    "LogDirectoryDescription": "admin",
    "LogTruncation": "errors",
    "MemberDescription": "group_admin",
    "Message": "_core",
    "OffsetAndMetadata": "offset",
    "OffsetOutOfRange": "errors",
    "OttlaError": "errors",
    "PartitionDescription": "admin",
    "PartitionLag": "lag",
    "PartitionLost": "errors",
    "PartitionReport": "report",
    "PlannedOffset": "group_admin",
    "PollIntervalExceeded": "errors",
    "Processor": "processor",
    "ProcessorOutput": "processor",
    "Producer": "producer",
    "ProducerFenced": "errors",
    "ProducerState": "transaction_admin",
    "RecordTooLarge": "errors",
    "Timeout": "errors",
    "TopicDescription": "admin",
    "TopicExistsError": "errors",
    "TopicPartition": "topic_partition",
    "Transaction": "transaction",
    "TransactionAbortable": "errors",
    "TransactionDescription": "transaction_admin",
    "TransactionError": "errors",
    "TransactionListing": "transaction_admin",
    "TransactionStateError": "errors",
    "UnknownGroupError": "errors",
    "UnknownTopicError": "errors",
    "UnknownTransactionalIdError": "errors",
    "__version__": "_core",
    "read": "bounded_read",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ottla' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value: object = getattr(import_module(f"ottla.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))

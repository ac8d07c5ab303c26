"""Port `WorklistPublisher` over the feed queue of each site, found by its name."""

from __future__ import annotations

from typing import Any

from ris.adapters.agenda.worklist_json import feed_of
from ris.domain.agenda.worklist import WorklistEntry
from ris.domain.errors import RemoteUnavailable


class QueueWorklistPublisher:
    """Sends to `{prefix}-{site}-worklist-feed`.

    Args:
        client: `boto3.client("sqs")`.
        prefix: Of the tenant's queues, e.g. `ris-demo`.
    """

    def __init__(self, client: Any, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def publish(self, entry: WorklistEntry) -> None:
        """See the port. The queue is not FIFO: the version in the envelope says which of two is newer."""
        from botocore.exceptions import BotoCoreError, ClientError

        feed = feed_of(entry)
        try:
            self._client.send_message(QueueUrl=self._url(feed.site), MessageBody=feed.model_dump_json())
        except ClientError as error:
            self._urls.pop(feed.site, None)
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise RemoteUnavailable("feed_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("feed_unavailable", detail=type(error).__name__) from None

    def _url(self, site: str) -> str:
        if site not in self._urls:
            answer = self._client.get_queue_url(QueueName=f"{self._prefix}-{site}-worklist-feed")
            self._urls[site] = str(answer["QueueUrl"])
        return self._urls[site]

"""The fault matrix: what can go wrong, what the SDK does about it and what it raises. Each row is tested by ``test_f<number>_...``."""

from __future__ import annotations

from attrs import frozen


@frozen
class Row:
    number: int
    fault: str
    does: str
    raises: str

    @property
    def name(self) -> str:
        return f"f{self.number:02d}"


PARTS: dict[str, tuple[Row, ...]] = {
    "Connection": (
        Row(
            1,
            "The name of the host is not found",
            "Tries three times, writes too: nothing was sent, no budget is spent",
            "`ConnectFailed` (reason `dns`)",
        ),
        Row(2, "The connection is refused", "As 1", "`ConnectFailed` (`refused`)"),
        Row(
            3,
            "The server takes no more connections (full backlog)",
            "As 1, after the connect timeout",
            "`ConnectFailed` (`timeout`)",
        ),
        Row(
            4,
            "Every connection of the client is in use",
            "Waits for the connect timeout, then says so; not sent",
            "`PoolExhausted`",
        ),
        Row(
            5,
            "The certificate is untrusted, expired or for another host",
            "One try, with a hint at private CAs; no request is sent",
            "`TLSError`",
        ),
        Row(
            6,
            "https to a port that speaks something else",
            "Silence or a broken handshake: as 1. Plain text: one try. The message asks whether it is https",
            "`ConnectFailed` (`timeout`, `tls`), `TLSError`",
        ),
        Row(
            7,
            "Reset before the request was read",
            "Reads and idempotent writes: again, at most three tries. Other writes: one try, in doubt",
            "`ConnectionLost`, `OutcomeUnknown`",
        ),
        Row(
            8,
            "Reset or close after the request, without an answer",
            "As 7; the server carried a write out once, and only once",
            "`ConnectionLost`, `OutcomeUnknown`",
        ),
        Row(9, "No answer in time", "As 7", "`ReadTimeout`, `OutcomeUnknown`"),
        Row(10, "The connection breaks, or stalls, within the upload", "As 7", "`ConnectionLost`, `ReadTimeout`, `OutcomeUnknown`"),
        Row(
            11,
            "A kept connection was closed by the server",
            "Seen before it is used: a new one. Seen after: as 8",
            "`OutcomeUnknown` (writes)",
        ),
        Row(12, "Reset or close within the body", "As 7; no part of the reply is used", "`TruncatedResponse`, `OutcomeUnknown`"),
        Row(13, "Chunks that are cut or no chunks", "As 12", "`TruncatedResponse`, `OutcomeUnknown`"),
        Row(
            14,
            "A gzip body that ends early although its framing is whole",
            "As 12: half a CSV is never returned as a whole one",
            "`TruncatedResponse`, `OutcomeUnknown`",
        ),
        Row(15, "A gzip body of several members, in pieces of any size", "Reads all members", "nothing"),
        Row(
            16,
            "A body that is labelled gzip and is not",
            "Reads: one more try. Writes: in doubt",
            "`ProtocolError`, `OutcomeUnknown`",
        ),
        Row(
            17,
            "An encoding that was not asked for",
            "Only gzip is asked for; anything else is refused, never passed on",
            "`ProtocolError`",
        ),
        Row(
            18,
            "A body that nothing but the end of the connection ends",
            "JSON shows by itself that it is whole. A CSV does not: refused, also when it looks good",
            "`TruncatedResponse`",
        ),
        Row(
            19,
            "Something comes back that is not HTTP",
            "Reads: one more try. Writes: in doubt",
            "`ProtocolError`, `OutcomeUnknown`",
        ),
        Row(20, "Headers without end", "One try; about 100 KB are read", "`ProtocolError`"),
        Row(
            21,
            "A body of gigabytes",
            "Stops at 32 MiB (downloads to a file: 2 GiB; both can be set), by the announced length before reading",
            "`ResponseTooLarge`",
        ),
        Row(
            22,
            "A small body that inflates without end",
            "Inflates in steps of 64 KiB and stops at the size limit or at 400 times the wire size",
            "`ResponseTooLarge`",
        ),
        Row(
            23,
            "One byte at a time, in the body or in the head",
            "The call ends at its total timeout",
            "`DeadlineExceeded`; `UnfinishedWrite` (writes)",
        ),
        Row(
            24,
            "The proxy refuses (502, 407) or hangs up",
            "502 and hang-up: three tries, writes too. 407: one try. The request never leaves, the proxy sees no key",
            "`ProxyFailed`",
        ),
        Row(
            25,
            "The environment names a proxy or trust store that cannot be used",
            "Says which variable when the client is made; its value is not shown",
            "`ConfigurationError`",
        ),
    ),
    "Redirects and addresses": (
        Row(26, "A redirect, also one in a circle", "Never followed; a write is refused, not in doubt", "`UnexpectedRedirect`"),
        Row(27, "A redirect to another origin", "Nothing is sent there; the message names its origin only", "`UnexpectedRedirect`"),
        Row(28, "http instead of https", "Refused but for this machine or `allow_insecure=True`", "`InsecureURL`"),
        Row(29, "A link of a reply leads to another origin", "Not followed", "`UntrustedLink`"),
        Row(
            30,
            "An id that would be another path",
            "Empty, `.`, `..`, control characters, over 255 characters: refused. The rest is encoded and stays one segment",
            "`InvalidArgument`",
        ),
        Row(
            31,
            "A key with a line break, a control character, a space at its start or non-ASCII",
            "Refused when the client is made, by position; the key is not shown",
            "`ConfigurationError`",
        ),
        Row(
            32,
            "An address that is no web address, or holds a password",
            "Refused; the password is not shown",
            "`ConfigurationError`",
        ),
    ),
    "Refusals and failing servers": (
        Row(
            33,
            "429 without a hint",
            "All calls, writes too (a refused call was not carried out): waits 1 s, 2 s, 4 s ... of which at least half, six tries",
            "`RateLimited`",
        ),
        Row(
            34,
            "429 with Retry-After in seconds",
            "Waits that, and up to a tenth more so that many do not come back at once",
            "`RateLimited`",
        ),
        Row(35, "429 with Retry-After as a date", "Counts from the reply's own Date, whatever our clock says", "`RateLimited`"),
        Row(36, "A Retry-After that makes no sense", "As 33", "`RateLimited`"),
        Row(
            37, "A Retry-After of more than 120 s", "Does not wait; says how long it would be", "`RateLimited` (`exceeds_max_wait`)"
        ),
        Row(
            38,
            "X-RateLimit-Reset as seconds or as a moment",
            "Told apart by size; at most two windows are waited for",
            "`RateLimited`",
        ),
        Row(
            39,
            "The server's clock or ours is wrong",
            "Moments count from the reply's Date; without one they say nothing",
            "`RateLimited`",
        ),
        Row(40, "RateLimit fields of the IETF draft", "Read; Retry-After comes first; malformed ones say nothing", "`RateLimited`"),
        Row(
            41,
            "A good reply says that nothing remains",
            "The next call waits before it is sent, so that it is not refused",
            "nothing",
        ),
        Row(
            42,
            "403 from a firewall in front of the vendor",
            "With Retry-After: a rate limit, as 34. Without: one try",
            "`RateLimited`, `PermissionDenied`",
        ),
        Row(43, "500", "Reads and idempotent writes: three tries. Other writes: one; `retry_safe` is None", "`ServerError`"),
        Row(
            44,
            "502, 504: a gateway lost the answer",
            "Reads: three tries. Other writes: in doubt, since the gateway may have passed them on",
            "`ServerError`, `OutcomeUnknown`",
        ),
        Row(
            45,
            "503 with Retry-After",
            "Reads wait and try again, as far as the total timeout allows. Other writes only with `retry_writes_on_503`",
            "`ServiceUnavailable`",
        ),
        Row(46, "408, 425: the server did not take the request", "One more try, writes too", "`RequestTimeout`, `TooEarly`"),
        Row(47, "409", "One try", "`Conflict`"),
        Row(
            48,
            "401, 403",
            "One try; names the variables to look at, never their values",
            "`AuthenticationError`, `PermissionDenied`",
        ),
        Row(
            49,
            "The report endpoints are gone",
            "Says that the beta has ended, and what to use instead",
            "`OperationGone`; `NotFound` for a job",
        ),
        Row(
            50,
            "No body where JSON was due",
            "Deletes: done. Reads: one try. Other writes: in doubt",
            "`MalformedResponse`, `OutcomeUnknown`",
        ),
        Row(
            51,
            "A login page with status 200",
            "Reads: one try; the page is in `excerpt`, not in the message. Other writes: in doubt",
            "`UnexpectedContent`, `OutcomeUnknown`",
        ),
        Row(52, "A gateway's page with status 502", "By its status; the page is not read", "`ServerError`"),
        Row(
            53,
            "Error bodies of any shape, or none",
            "`.errors` has what could be read; the status is never hidden by the body",
            "by status",
        ),
    ),
    "Content": (
        Row(
            54,
            "Malformed JSON",
            "Reads: one try, since it arrived whole. Writes that had a 2xx: in doubt",
            "`MalformedResponse`, `OutcomeUnknown`",
        ),
        Row(
            55,
            "Bytes that are no UTF-8; half a surrogate pair",
            "Refused; a byte order mark is passed over, a surrogate is kept as text",
            "`MalformedResponse`",
        ),
        Row(56, "Nesting without end", "Refused beyond 64 levels, before it is parsed", "`MalformedResponse`"),
        Row(57, "A number of thousands of digits", "Refused; whole numbers that fit stay exact", "`MalformedResponse`"),
        Row(58, "NaN, Infinity, numbers that overflow", "Refused", "`MalformedResponse`"),
        Row(
            59,
            "The same key twice",
            "The last one counts; refused with `strict_json`. Writes then in doubt",
            "`MalformedResponse`, `OutcomeUnknown` (`strict_json=True`)",
        ),
        Row(
            60,
            "The right shape with wrong types",
            "Nothing is converted silently; every bad field is named by its path",
            "`DecodeError`",
        ),
        Row(
            61,
            "A value that this release does not know",
            "Kept as it came, `is_known` is False; a job with such a status counts as running",
            "nothing",
        ),
        Row(62, "Fields are missing", "All of them are named at once", "`DecodeError`"),
        Row(63, "Fields that this release does not know", "Passed over; kept where an object is sent back whole", "nothing"),
        Row(
            64,
            "A JSON-RPC answer to another call, or to none",
            "Reads: one try. Creations: in doubt",
            "`MalformedResponse`, `OutcomeUnknown`",
        ),
        Row(
            65,
            "A JSON-RPC error inside a 200",
            "By its text: not authorised, invalid, exists, does not exist, PHP out of memory. A definite no, once",
            "`AuthenticationError`, `ValidationFailed`, `AlreadyExists`, `NotFound`, `ServerOutOfMemory`",
        ),
        Row(
            66,
            "A Zabbix session ends in the middle",
            "With a password: one login, then the call once more, writes too. A token is not replaced, a failed login never repeated",
            "`AuthenticationError`",
        ),
        Row(
            67,
            "A batch is answered in another order, in part, twice, or as one object",
            "Matched by id; a call without an answer fails alone, the others have theirs. Doubled or foreign answers, or none: all of it fails. Writes in doubt",
            "`MalformedResponse`, `OutcomeUnknown`",
        ),
        Row(
            68,
            "A bulk deletion is done in part",
            "The result says what was done and what was not; raises only when asked to",
            "`PartialFailure` by `raise_for_errors()`",
        ),
        Row(
            69,
            "Pages that drift, repeat themselves or do not end",
            "Items come once; ends when a link repeats, goes backwards, or three pages bring nothing new",
            "`PaginationError`",
        ),
    ),
    "Reports": (
        Row(70, "A job's status goes backwards", "The first end is the end; nothing is asked after it", "nothing"),
        Row(71, "The job fails", "Not created again", "`ReportFailed`"),
        Row(
            72,
            "The job completes with errors",
            "A report, with the errors in its rows; raises if all or nothing was asked for",
            "`ReportPartial` (`allow_partial=False`)",
        ),
        Row(73, "The job never ends", "Ends at the timeout, with a handle to go on later", "`PollTimeout`"),
        Row(74, "404 just after creation", "Taken for running for 30 s and five polls", "`NotFound`"),
        Row(
            75,
            "The file is not there when the job has completed",
            "Looked for during a minute; not for a job that is older than an hour",
            "`ReportUnavailable`",
        ),
        Row(
            76,
            "Polls fail",
            "Each has its own tries; five failed polls in a row end the wait, a refused key ends it at once",
            "the last error",
        ),
        Row(
            77,
            "Polls are refused by a rate limit",
            "Paced so that they are not; a refusal is waited out for as long as it says",
            "`PollTimeout` from `RateLimited`",
        ),
        Row(
            78,
            "The process dies",
            "A handle (JSON, no secret) goes on elsewhere; another site's or version's is refused",
            "`InvalidArgument`",
        ),
        Row(79, "Two wait for one job", "Each asks for itself, within the same rate limit; one job", "nothing"),
        Row(
            80,
            "A download is interrupted, or the disk is full",
            "Written beside its place, synced and renamed when whole; a further try begins anew; the old file stays. A disk's error is not taken for the network's",
            "`TruncatedResponse`, `OSError`",
        ),
    ),
    "Around the call": (
        Row(
            81,
            "An asyncio task is cancelled in flight",
            "Passed on; a write leaves a note that it had been sent; the client stays good",
            "`CancelledError`",
        ),
        Row(82, "A scope ends in flight (anyio, trio)", "As 81, at every await", "`Cancelled`"),
        Row(83, "Cancelled while waiting for a turn or between tries", "The place in the queue is given back", "`Cancelled`"),
        Row(84, "Ctrl-C in the middle of a call", "As 81, wherever it falls; no lock stays taken", "`KeyboardInterrupt`"),
        Row(
            85,
            "The process forks after first use",
            "The child opens its own connections; nobody gets another's answer. An httpx client of yours that was used before is refused there",
            "nothing",
        ),
        Row(86, "Use after close", "Refused; nothing is sent", "`ClientClosed`"),
        Row(87, "Closed twice; closed during a call", "Twice is fine; the call ends and is not tried again", "`ClientClosed`"),
        Row(88, "One client for many threads or tasks", "Every answer goes to who asked", "nothing"),
        Row(89, "One async client in two event loops", "Refused; nothing is sent", "`LoopMismatch`"),
        Row(
            90,
            "The sync client inside an event loop",
            "Works, and blocks the loop. Python's development mode warns at the calling line, and names the async client",
            "nothing; `RuntimeWarning` (`python -X dev`)",
        ),
        Row(91, "Secrets in `repr`", "Shown as `***`", "nothing"),
        Row(92, "Secrets in logs", "None, at any level, of httpx and httpcore neither", "nothing"),
        Row(93, "Secrets in exceptions, tracebacks and pickles", "None; exceptions cross process boundaries", "nothing"),
        Row(94, "A client is pickled", "Refused, with advice", "`TypeError`"),
        Row(
            95,
            "A server writes pages of text, or forges log lines",
            "Messages are short and on one line; `.errors` has all of it",
            "by status",
        ),
        Row(
            96,
            "The shared limiter's Redis is down",
            "Paces alone and warns once a minute; or refuses, if told so",
            "`LimiterUnavailable` (`raise`)",
        ),
        Row(97, "The clock is set back", "Waits are counted by a clock that cannot be set", "nothing"),
    ),
}
ROWS: tuple[Row, ...] = tuple(row for rows in PARTS.values() for row in rows)

"""The error codes that the store answers, with what each means here."""
# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Final

from holdfast.s3.codes import STATUS_OF

from .markdown import code, table

MEANINGS: Final = {
    "AccessControlListNotSupported": "ACLs are off: only `private` and `bucket-owner-full-control` are taken. Use a bucket policy.",
    "AccessDenied": "Nothing grants it, or a policy or the reach of the access key forbids it. An unsigned request gets it for absent buckets too.",
    "AccessForbidden": "No CORS rule of the bucket allows this origin, method and headers.",
    "AuthorizationHeaderMalformed": "The Authorization header can't be read, or names a wrong scope.",
    "AuthorizationQueryParametersError": "A presigned URL's parameters are wrong, such as a life of more than 7 days.",
    "BadDigest": "The body is not what its Content-MD5 or checksum says. Send it again.",
    "BadRequest": "The request is not HTTP as it should be: a doubled header, a wrong Host, a wrong length.",
    "BucketAlreadyExists": "Somebody else in the tenancy has a bucket of that name.",
    "BucketAlreadyOwnedByYou": "The bucket exists and is yours.",
    "BucketNotEmpty": "Delete its objects first.",
    "ConditionalRequestConflict": "Another request changed the same thing meanwhile. Repeat it.",
    "EntityTooLarge": "The body or object is larger than the limit: use an upload in parts.",
    "EntityTooSmall": "A part other than the last is below the least size (5 MiB).",
    "ExpiredToken": "Temporary credentials have ended. (This store issues none.)",
    "IncompleteBody": "Fewer or other bytes came than were announced.",
    "InsufficientStorage": "The server's disk is full. Deletes work; operators must act.",
    "InternalError": "A fault of ours; the log has it under the request's id.",
    "InvalidAccessKeyId": "The access key is unknown here, revoked or expired, its user or member is gone, or it is another tenancy's.",
    "InvalidArgument": "A parameter or header has a value that S3 does not allow, or two exclude each other.",
    "InvalidBucketName": "Not a bucket name: 3 to 63 of a-z, 0-9, `.` and `-`.",
    "InvalidBucketState": "The bucket's state does not allow the request.",
    "InvalidChunkSizeError": "A signed chunk other than the last is below 8 KiB.",
    "InvalidDigest": "Content-MD5 or a checksum is not the Base64 of as many bytes as it must have.",
    "InvalidLocationConstraint": "The bucket's region can't be chosen.",
    "InvalidPart": "Complete names a part that was not uploaded, or by another ETag or checksum.",
    "InvalidPartNumber": "The object has not so many parts.",
    "InvalidPartOrder": "Complete must name the parts in ascending order.",
    "InvalidPolicyDocument": "The policy of a form can't be read.",
    "InvalidRange": "The range begins behind the object's end.",
    "InvalidRequest": "The request contradicts itself or misses something, as the sentence beside it says. SigV2 is answered so.",
    "InvalidStorageClass": "There is no such storage class.",
    "InvalidTag": "A tag is too long, doubled, or one of too many (10 of an object, 50 of a bucket).",
    "InvalidURI": "The path can't be decoded as UTF-8.",
    "InvalidToken": "The request brings a session token. This store issues none: use an access key alone.",
    "KeyTooLongError": "A key has more than 1,024 bytes of UTF-8.",
    "MalformedACLError": "The ACL can't be read.",
    "MalformedPolicy": "The policy can't be honoured to the letter: an unknown name, action, condition or resource, or broken JSON.",
    "MalformedTrailerError": "The trailer after a chunked body can't be read.",
    "MalformedXML": "The XML body is broken, too deep, or not of the schema.",
    "MaxMessageLengthExceeded": "The XML or JSON body is too long.",
    "MetadataTooLarge": "User metadata exceeds 2 KiB.",
    "MethodNotAllowed": "No such method here; `Allow` names those there are.",
    "MissingContentLength": "A PUT needs a Content-Length, or a chunked body.",
    "MissingRequestBodyError": "The request needs a body.",
    "MissingSecurityHeader": "A header that the signature needs is missing.",
    "NoSuchBucket": "There is no such bucket in this tenancy.",
    "NoSuchBucketPolicy": "The bucket has no policy.",
    "NoSuchCORSConfiguration": "The bucket has no CORS rules.",
    "NoSuchKey": "There is no such object.",
    "NoSuchLifecycleConfiguration": "The bucket has no lifecycle rules.",
    "NoSuchObjectLockConfiguration": "The object has no retention and no legal hold.",
    "NoSuchPublicAccessBlockConfiguration": "The bucket has no public access block.",
    "NoSuchTagSet": "The bucket has no tags.",
    "NoSuchUpload": "The upload was completed, aborted or expired, or never was.",
    "NoSuchVersion": "There is no such version.",
    "NoSuchWebsiteConfiguration": "The bucket is no website.",
    "NotImplemented": "S3 has it and this store has not. Nothing was changed.",
    "NotModified": "The client's copy is current (If-None-Match, If-Modified-Since).",
    "ObjectLockConfigurationNotFoundError": "The bucket has no object lock.",
    "OwnershipControlsNotFoundError": "The bucket has no ownership controls set; ACLs are off in all of them.",
    "PreconditionFailed": "A condition of the request (If-Match, If-None-Match …) does not hold.",
    "QuotaExceeded": "A limit of the tenancy or bucket would be passed; the sentence says used, limit and what to do. Clients don't repeat it.",
    "ReplicationConfigurationNotFoundError": "The bucket is not replicated.",
    "RequestHeaderSectionTooLarge": "The request's headers are too long.",
    "RequestTimeTooSkewed": "The client's clock differs by more than 15 minutes.",
    "RequestTimeout": "The body stood still for too long.",
    "ServerSideEncryptionConfigurationNotFoundError": "The bucket has no default encryption.",
    "ServiceUnavailable": "A sync of the disk failed: reads work, writes wait for operators to start the store again.",
    "SignatureDoesNotMatch": "The secret is wrong, or something changed the request on its way. `StringToSign` and `CanonicalRequest` show what we verified.",
    "SlowDown": "Too many at once. Repeat it after a while.",
    "SiteReadOnly": "Operators have made the whole store read-only for maintenance: nothing is written or deleted; reads work.",
    "TenancySuspended": "Operators have suspended the tenancy, or made it read-only.",
    "TooManyBuckets": "The owner has as many buckets as one may have.",
    "TooManyParts": "An upload has at most 10,000 parts.",
    "URITooLong": "The request's line is too long.",
    "UnexpectedContent": "The request has a body where S3 knows none.",
    "XAmzContentChecksumMismatch": "The body is not what its checksum says.",
    "XAmzContentSHA256Mismatch": "The body is not what its signed SHA-256 says.",
}
"""Code → one sentence or two for whoever meets it."""


def codes() -> str:
    """Return a row for each code, by its name."""
    rows = [(code(name), str(STATUS_OF[name]), MEANINGS.get(name, "")) for name in sorted(STATUS_OF)]
    return table(("code", "status", "what it means"), rows)

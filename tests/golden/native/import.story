# Secrets made elsewhere come in by value or as their unsalted SHA-256, once.
admin: all.User owner=mira
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "old", "secret": "an-old-foreign-secret", "scopes": ["things.read"]}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
etag: "0"
location: /admin/v1/tokens/$uuid1
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"old","description":"","owner":{"name":"mira","uuid":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","number":3,"hex":"5e9f10aa44c0de0011223344"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "again", "sha256": "e4f86f0d0b1fc1bb8a7d5be7a4e3b5a2f2f3ae4b8c2f4b0d8b8e0e4c2d6a1f00", "scopes": []}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
etag: "0"
location: /admin/v1/tokens/$uuid2
x-content-type-options: nosniff

{"id":"$uuid2","serial":3,"losant_id":"$hex2","dynatrace_id":"$public2","name":"again","description":"","owner":{"name":"mira","uuid":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","number":3,"hex":"5e9f10aa44c0de0011223344"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":[],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
POST /admin/v1/tokens/lookup HTTP/1.1
Authorization: Bearer $admin

{"secret": "an-old-foreign-secret"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"old","description":"","owner":{"name":"mira","uuid":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","number":3,"hex":"5e9f10aa44c0de0011223344"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "twice", "secret": "an-old-foreign-secret"}

<<<
HTTP/1.1 409 Conflict
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:secret-in-use","title":"Secret in use","status":409,"detail":"a token with this secret exists already"}
>>>
DELETE /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
POST /admin/v1/tokens/import HTTP/1.1
Authorization: Bearer $admin

{"name": "back", "secret": "an-old-foreign-secret"}

<<<
HTTP/1.1 409 Conflict
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:secret-revoked","title":"Secret revoked","status":409,"detail":"this secret was revoked in the last 30 days and cannot be imported again"}

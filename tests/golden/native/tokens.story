# A token's life: made, shown, changed, rotated, switched, revoked.
admin: all.User owner=mira plan=vendor
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $admin

{"name": "nightly", "description": "of the nightly job", "scopes": ["things.read", "extras.*"], "owner": "tom",
 "labels": {"team": "billing", "stage": "test"}, "networks": ["10.1.2.3/8", "::1"], "region": "local",
 "metadata": {"a": {"b": 1, "c": 2}}, "expires_at": "2099-01-02T03:04:05Z", "personal": true}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
etag: "0"
location: /admin/v1/tokens/$uuid1
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}],"secret":"$secret1"}
>>>
GET /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Api-Token $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
GET /admin/v1/tokens/$hex1 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
GET /admin/v1/tokens/2 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
GET /admin/v1/tokens/$public1 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
POST /admin/v1/tokens/lookup HTTP/1.1
Authorization: Bearer $admin

{"secret": "$secret1"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "0"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"of the nightly job","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read","extras.*"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":["10.0.0.0/8","::1/128"],"labels":{"stage":"test","team":"billing"},"metadata":{"a":{"b":1,"c":2}},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":"$time","last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
PATCH /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin
Content-Type: application/merge-patch+json

{"description": null, "labels": {"stage": null, "owner": "ops"}, "metadata": {"a": {"b": null}, "d": [1]}, "expires_at": null,
 "networks": null, "region": "local", "scopes": ["things.read"]}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "1"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
PATCH /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin
If-Match: "0"

{"name": "late"}

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:changed-meanwhile","title":"Changed meanwhile","status":412,"detail":"The token is not at the generation that If-Match names; read it again."}
>>>
PATCH /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin
If-Match: "1"

{"name": "nightly-2"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "2"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly-2","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
PATCH /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin
If-Match: 3

{"name": "nightly-3"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:bad-request","title":"Bad request","status":400,"detail":"If-Match must be * or entity tags such as \"7\"."}
>>>
POST /admin/v1/tokens/$uuid1/disable HTTP/1.1
Authorization: Bearer $admin
If-Match: "1"

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:changed-meanwhile","title":"Changed meanwhile","status":412,"detail":"The token is not at the generation that If-Match names; read it again."}
>>>
POST /admin/v1/tokens/$uuid1/disable HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "3"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly-2","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"disabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
GET /v1/token HTTP/1.1
Authorization: Bearer $secret1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/json
www-authenticate: Bearer
x-content-type-options: nosniff

{"title":"Unauthorized","detail":"The token is invalid, unknown, or not valid in this region.","type":"https://threatjammer.com/docs/error-unauthorized"}
>>>
POST /admin/v1/tokens/$uuid1/enable HTTP/1.1
Authorization: Bearer $admin
If-Match: *

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "4"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly-2","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}]}
>>>
POST /admin/v1/tokens/$uuid1/rotate HTTP/1.1
Authorization: Bearer $admin
If-Match: "1"

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:changed-meanwhile","title":"Changed meanwhile","status":412,"detail":"The token is not at the generation that If-Match names; read it again."}
>>>
POST /admin/v1/tokens/$uuid1/rotate HTTP/1.1
Authorization: Bearer $admin

{"overlap_seconds": 3600}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "5"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly-2","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null},{"created_at":"$time","expires_at":"$time"}],"secret":"$secret2"}
>>>
POST /admin/v1/tokens/$uuid1/rotate HTTP/1.1
Authorization: Bearer $admin

{"overlap_seconds": 0, "form": "xms"}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "6"
x-content-type-options: nosniff

{"id":"$uuid1","serial":2,"losant_id":"$hex1","dynatrace_id":"$public1","name":"nightly-2","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"vendor","status":"enabled","personal":true,"region":"local","networks":[],"labels":{"owner":"ops","team":"billing"},"metadata":{"a":{"c":2},"d":[1]},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"mira","modified_by":"mira","secrets":[{"created_at":"$time","expires_at":null}],"secret":"$xms1"}
>>>
POST /admin/v1/tokens/lookup HTTP/1.1
Authorization: Bearer $admin

{"secret": "$secret1"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
DELETE /admin/v1/tokens/$uuid1?reason=no%20longer%20needed HTTP/1.1
Authorization: Bearer $admin
If-Match: "1"

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:changed-meanwhile","title":"Changed meanwhile","status":412,"detail":"The token is not at the generation that If-Match names; read it again."}
>>>
DELETE /admin/v1/tokens/$uuid1?reason=no%20longer%20needed HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
>>>
DELETE /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}

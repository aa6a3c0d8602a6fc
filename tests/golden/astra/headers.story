# Media types, conditions, methods.
mira: astra.role.member owner=mira

>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
Accept: application/astra-token+json

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/astra-token+json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
Accept: application/astra-token

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/astra-token
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
Accept: text/html, */*;q=0.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
Accept: text/html

<<<
HTTP/1.1 406 Not Acceptable
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/32","title":"Unsupported content type","detail":"The Accept header allows none of the types spoken here: application/json, application/astra-token+json.","status":"406","correlationID":"$uuid2"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
Accept: application/astra-user+json

<<<
HTTP/1.1 406 Not Acceptable
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/32","title":"Unsupported content type","detail":"The Accept header allows none of the types spoken here: application/json, application/astra-token+json.","status":"406","correlationID":"$uuid3"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Accept: text/html

<<<
HTTP/1.1 406 Not Acceptable
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/32","title":"Unsupported content type","detail":"The Accept header allows none of the types spoken here: application/json.","status":"406","correlationID":"$uuid4"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json
If-Match: "00000000000000000000000000000000"

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/38","title":"Precondition not met","detail":"The token is not in the state that the request asks for; read it again.","status":"412","correlationID":"$uuid5"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json
If-Match: *

{"type": "application/astra-token", "version": "1.0", "name": "one"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json
If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT

{"type": "application/astra-token", "version": "1.0", "name": "two"}

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/38","title":"Precondition not met","detail":"The token is not in the state that the request asks for; read it again.","status":"412","correlationID":"$uuid6"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json
If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT

{"type": "application/astra-token", "version": "1.0", "name": "three"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json
If-Modified-Since: Tue, 01 May 2091 00:00:00 GMT

{"type": "application/astra-token", "version": "1.0", "name": "four"}

<<<
HTTP/1.1 412 Precondition Failed
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/38","title":"Precondition not met","detail":"The token is not in the state that the request asks for; read it again.","status":"412","correlationID":"$uuid7"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["three"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
PATCH /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 405 Method Not Allowed
allow: POST, GET
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"about:blank","title":"Method Not Allowed","detail":"The address is served for the methods in Allow only.","status":"405","correlationID":"$uuid8"}
>>>
HEAD /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, PUT, DELETE
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff


>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 405 Method Not Allowed
allow: GET, PUT, DELETE
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"about:blank","title":"Method Not Allowed","detail":"The address is served for the methods in Allow only.","status":"405","correlationID":"$uuid9"}

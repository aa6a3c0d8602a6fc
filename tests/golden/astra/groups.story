# The same five operations below a group that holds the user.
mira: all.User owner=mira

>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "grouped"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/astra-token+json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"grouped","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra1"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=name&count=true HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["mira"],["grouped"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","count":2}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"grouped","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "renamed"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"renamed","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","modifiedBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid2"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"The group is unknown or does not hold the user.","status":"404","correlationID":"$uuid3"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/x/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"The group is unknown or does not hold the user.","status":"404","correlationID":"$uuid4"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15/users/1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"The group is unknown or does not hold the user.","status":"404","correlationID":"$uuid5"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/groups/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"The group is unknown or does not hold the user.","status":"404","correlationID":"$uuid6"}

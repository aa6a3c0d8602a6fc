# A token from create to delete, as the SDK writes the requests.
mira: astra.role.member owner=mira

>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "nightly", "metadata": {"labels": [{"name": "tier", "value": "1"}, {"name": "team", "value": "build"}], "creationTimestamp": "2001-01-01T00:00:00Z"}}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/astra-token+json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"nightly","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[{"name":"team","value":"build"},{"name":"tier","value":"1"}],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra1"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
Accept: */*
Content-Type: application/json

{}

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"nightly","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[{"name":"team","value":"build"},{"name":"tier","value":"1"}],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "daily"}

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

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"daily","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[{"name":"team","value":"build"},{"name":"tier","value":"1"}],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","modifiedBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/json

{"type": "application/astra-token", "version": "1.0", "id": "$uuid1", "userID": "8d4e2b16-70f3-4c59-a1de-53b7c0e9f264", "metadata": {"labels": []}}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
Accept: application/astra-token

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/astra-token
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid1","name":"daily","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","modifiedBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid2"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid3"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/json

{}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid4"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $astra1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/4","title":"Invalid bearer token","detail":"The bearer token is invalid, unknown or no longer valid.","status":"401","correlationID":"$uuid5"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/4","title":"Invalid bearer token","detail":"The bearer token is invalid, unknown or no longer valid.","status":"401","correlationID":"$uuid6"}

# viewer, member and admin; own tokens and those of another user.
mira: astra.role.viewer owner=mira
member: astra.role.member owner=mira
admin: astra.role.admin things.read owner=mira
tom: things.read owner=tom
root: all.admin owner=root

>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Changing tokens needs the scope astra.tokens.write.","status":"403","correlationID":"$uuid2"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Changing tokens needs the scope astra.tokens.write.","status":"403","correlationID":"$uuid3"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Changing tokens needs the scope astra.tokens.write.","status":"403","correlationID":"$uuid4"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens HTTP/1.1
Authorization: Bearer $member
accept: application/astra-token+json
Content-Type: application/astra-token+json

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid5"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $member
accept: application/astra-token+json
Content-Type: application/astra-token+json

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid6"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens HTTP/1.1
Authorization: Bearer $member
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid7"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $member
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid8"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $member
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0"}

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid9"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/tokens HTTP/1.1
Authorization: Bearer $member

<<<
HTTP/1.1 403 Forbidden
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/11","title":"Operation not permitted","detail":"Tokens of other users need the scope astra.tokens.admin.","status":"403","correlationID":"$uuid10"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens?include=name,userID HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["tom","c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens HTTP/1.1
Authorization: Bearer $admin
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "for tom"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/astra-token+json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$uuid11
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid11","name":"for tom","userID":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra1"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $admin
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "renamed"}

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$tom_id","name":"renamed","userID":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1","modifiedBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302/tokens/$tom_id HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71/tokens HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71/tokens/$root_id HTTP/1.1
Authorization: Bearer $admin

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid12"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71/tokens?include=name HTTP/1.1
Authorization: Bearer $root

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["root"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71"}}

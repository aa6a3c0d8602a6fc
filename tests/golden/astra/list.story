# Filters, order, pages and chosen fields.
mira: astra.role.member owner=mira

>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}}],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/json

{"type": "application/astra-token", "version": "1.0", "name": "beta"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid2
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid2","name":"beta","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra1"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/json

{"type": "application/astra-token", "version": "1.0", "name": "Gamma"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid3
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid3","name":"Gamma","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra2"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/json

{"type": "application/astra-token", "version": "1.0", "name": "alpha, second"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
location: http://127.0.0.1/accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$uuid4
x-content-type-options: nosniff

{"type":"application/astra-token","version":"1.0","id":"$uuid4","name":"alpha, second","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"},"token":"$astra3"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=name,id&count=true&orderBy=name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["Gamma","$uuid3"],["alpha, second","$uuid4"],["beta","$uuid2"],["mira","$mira_id"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","count":4}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=name+gt+%27a%27&filter=name+in+%27a%27&include=name&orderBy=name+desc&count=true&limit=1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["mira"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","count":3,"continue":"eyJ2IjoxLCJvIjoibmFtZSBkZXNjIiwiayI6Im1pcmEiLCJzIjoxfQ=="}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=name%20gt%20'a',name%20in%20'a'&include=name&orderBy=name%20desc&limit=1&continue=eyJ2IjoxLCJvIjoibmFtZSBkZXNjIiwiayI6Im1pcmEiLCJzIjoxfQ== HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["beta"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","continue":"eyJ2IjoxLCJvIjoibmFtZSBkZXNjIiwiayI6ImJldGEiLCJzIjoyfQ=="}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?skip=2&limit=1&include=name&count=true HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["Gamma"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","count":4,"continue":"eyJ2IjoxLCJvIjoiIiwiayI6IiIsInMiOjN9"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?skip=4&include=name,metadata HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=metadata.createdBy+eq+%278d4e2b16-70f3-4c59-a1de-53b7c0e9f264%27,name+in+%27,+%27&include=type,version,userID,name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["application/astra-token","1.0","8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","alpha, second"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=metadata.creationTimestamp+lt+%272001-01-01T00:00:00Z%27 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Accept: application/astra-token+json

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[{"type":"application/astra-token","version":"1.0","id":"$mira_id","name":"mira","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"$uuid1"}},{"type":"application/astra-token","version":"1.0","id":"$uuid2","name":"beta","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}},{"type":"application/astra-token","version":"1.0","id":"$uuid3","name":"Gamma","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}},{"type":"application/astra-token","version":"1.0","id":"$uuid4","name":"alpha, second","userID":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264","metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}

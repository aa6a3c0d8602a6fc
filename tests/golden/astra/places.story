# Paths that lead nowhere: problems 1 and 2.
mira: all.User owner=mira
tom: things.read owner=tom

>>>
GET /accounts HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid1"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/topology/v1/clouds HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid2"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid3"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/ HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid4"}
>>>
GET /accounts/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid5"}
>>>
GET /accounts/x/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid6"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid7"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8D4E2B16-70F3-4C59-A1DE-53B7C0E9F264/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid8"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/00000000-0000-0000-0000-000000000000/tokens HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid9"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid10"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/x HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid11"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$tom_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid12"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/x/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid13"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$tom_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid14"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid15"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/tokens/$tom_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid16"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$tom_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid17"}
>>>
DELETE /accounts/6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/1","title":"Resource not found","detail":"There is no such token.","status":"404","correlationID":"$uuid18"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/topology/v1/clouds HTTP/1.1
Content-Type: application/json

{}

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/2","title":"Collection not found","detail":"Nothing is at this address.","status":"404","correlationID":"$uuid19"}

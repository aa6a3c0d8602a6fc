# Query parameters that are refused: problems 5 and 6.
mira: astra.role.member owner=mira

>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=name+like+%27x%27 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid1","invalidParams":[{"name":"filter","reason":"at character 6: expected an operator: eq, lt, gt, lte, gte or in"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=name+eq+%27a%27&filter=colour+eq+%27x%27 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid2","invalidParams":[{"name":"filter","reason":"filter 2, at character 1: no such field; there are type, version, id, name, userID, metadata, metadata.creationTimestamp, metadata.modificationTimestamp and metadata.createdBy"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter=name+eq+%27a%21b%27 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid3","invalidParams":[{"name":"filter","reason":"at character 11: expected the closing quote; a value has letters, digits, blanks and , - . / : ; < = > ? @ [ \\ ] ^ _ { } \""}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?filter= HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid4","invalidParams":[{"name":"filter","reason":"at character 1: expected the name of a field"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=id,token HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid5","invalidParams":[{"name":"include","reason":"must be some of type, version, id, name, userID and metadata, each once, with commas between"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=metadata.labels HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid6","invalidParams":[{"name":"include","reason":"must be some of type, version, id, name, userID and metadata, each once, with commas between"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?orderBy=name+asc HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid7","invalidParams":[{"name":"orderBy","reason":"must be one of id, name, userID, type and version, alone or followed by one blank and desc"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?limit=0 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid8","invalidParams":[{"name":"limit","reason":"must be a whole number from 1, without leading zeros"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?limit=1&limit=2 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid9","invalidParams":[{"name":"limit","reason":"comes more than once"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?skip=-1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid10","invalidParams":[{"name":"skip","reason":"must be a whole number from 1, without leading zeros"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?count=false HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid11","invalidParams":[{"name":"count","reason":"must be true, or be left out"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?continue=bm9uc2Vuc2U= HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid12","invalidParams":[{"name":"continue","reason":"is not what metadata.continue of an earlier answer was"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?skip=x&orderBy=colour&count=1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/5","title":"Invalid query parameters","detail":"The query has parameters with values they cannot have.","status":"400","correlationID":"$uuid13","invalidParams":[{"name":"skip","reason":"must be a whole number from 1, without leading zeros"},{"name":"orderBy","reason":"must be one of id, name, userID, type and version, alone or followed by one blank and desc"},{"name":"count","reason":"must be true, or be left out"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?colour=red&page=2&limit=0 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/6","title":"Query parameters not supported","detail":"The call does not have these query parameters.","status":"400","correlationID":"$uuid14","invalidParams":[{"name":"colour","reason":"the call has no such parameter"},{"name":"page","reason":"the call has no such parameter"}]}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id?include=id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/6","title":"Query parameters not supported","detail":"The call does not have these query parameters.","status":"400","correlationID":"$uuid15","invalidParams":[{"name":"include","reason":"the call has no such parameter"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?dry=1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/6","title":"Query parameters not supported","detail":"The call does not have these query parameters.","status":"400","correlationID":"$uuid16","invalidParams":[{"name":"dry","reason":"the call has no such parameter"}]}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id?dry=1 HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/6","title":"Query parameters not supported","detail":"The call does not have these query parameters.","status":"400","correlationID":"$uuid17","invalidParams":[{"name":"dry","reason":"the call has no such parameter"}]}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id?force=true HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/6","title":"Query parameters not supported","detail":"The call does not have these query parameters.","status":"400","correlationID":"$uuid18","invalidParams":[{"name":"force","reason":"the call has no such parameter"}]}

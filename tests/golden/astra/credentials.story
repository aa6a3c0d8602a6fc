# Bearer tokens that open nothing: problems 3 and 4.
mira: astra.role.member owner=mira
off: astra.role.member owner=mira

>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/3","title":"Missing bearer token","detail":"Send the token as 'Authorization: Bearer <token>'.","status":"401","correlationID":"$uuid1"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Api-Token $mira

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/3","title":"Missing bearer token","detail":"Send the token as 'Authorization: Bearer <token>'.","status":"401","correlationID":"$uuid2"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?token=$mira HTTP/1.1

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/3","title":"Missing bearer token","detail":"Send the token as 'Authorization: Bearer <token>'.","status":"401","correlationID":"$uuid3"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer YWRtaW4tc2VjcmV0

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/4","title":"Invalid bearer token","detail":"The bearer token is invalid, unknown or no longer valid.","status":"401","correlationID":"$uuid4"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Authorization: Bearer $off

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/4","title":"Invalid bearer token","detail":"The bearer token is invalid, unknown or no longer valid.","status":"401","correlationID":"$uuid5"}
>>>
DELETE /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$off_id HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 204 No Content
cache-control: no-store
x-content-type-options: nosniff


>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $off

<<<
HTTP/1.1 401 Unauthorized
cache-control: no-store
content-type: application/problem+json
www-authenticate: Bearer
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/4","title":"Invalid bearer token","detail":"The bearer token is invalid, unknown or no longer valid.","status":"401","correlationID":"$uuid6"}

/* SPDX-License-Identifier: MIT
 *
 * cJSON, for code that has two homes. All protocol and code server code
 * includes this file instead of <cjson/cJSON.h>.
 *
 * The watcher links libcjson and calls it directly. The code server is a
 * guest: the program around it may carry a cJSON of its own, of another
 * version or with allocators of its own, and the dynamic linker would hand us
 * that one. So with -DHW_GUEST each function below is reached through hw_json,
 * a table that hw_json_load fills from a libcjson of our own choosing.
 * Tried and rejected: linking libcjson into the guest (its symbols would be
 * interposed all the same), and dlmopen (a second libc in the process).
 *
 * A printed text must be given back with cJSON_free, never with free: in the
 * guest the two may belong to different allocators.
 *
 * A function that is missing here is added in both lists.
 */
#ifndef HW_JSON_H
#define HW_JSON_H

#include <cjson/cJSON.h>

#ifdef HW_GUEST

#define HW_JSON_FUNCTIONS(F)                 \
	F(ParseWithLengthOpts)               \
	F(PrintUnformatted)                  \
	F(Delete)                            \
	F(Duplicate)                         \
	F(Compare)                           \
	F(free)                              \
	F(CreateNull)                        \
	F(CreateBool)                        \
	F(CreateNumber)                      \
	F(CreateString)                      \
	F(CreateRaw)                         \
	F(CreateArray)                       \
	F(CreateObject)                      \
	F(AddItemToArray)                    \
	F(AddItemToObject)                   \
	F(AddNullToObject)                   \
	F(AddBoolToObject)                   \
	F(AddNumberToObject)                 \
	F(AddStringToObject)                 \
	F(AddRawToObject)                    \
	F(AddObjectToObject)                 \
	F(AddArrayToObject)                  \
	F(DetachItemFromObjectCaseSensitive) \
	F(DeleteItemFromObjectCaseSensitive) \
	F(GetArraySize)                      \
	F(GetArrayItem)                      \
	F(GetObjectItemCaseSensitive)        \
	F(GetStringValue)                    \
	F(GetNumberValue)                    \
	F(IsFalse)                           \
	F(IsTrue)                            \
	F(IsBool)                            \
	F(IsNull)                            \
	F(IsNumber)                          \
	F(IsString)                          \
	F(IsArray)                           \
	F(IsObject)

struct hw_json {
#define F(name) __typeof__(cJSON_##name) *name;
	HW_JSON_FUNCTIONS(F)
#undef F
};

extern const struct hw_json *hw_json; /* NULL until hw_json_load */

/*
 * Fills hw_json. Once, before a second thread uses it; again is harmless.
 * 0, or -1: libcjson.so.1 is not there, or lacks a function.
 */
int hw_json_load(void);

#define cJSON_ParseWithLengthOpts hw_json->ParseWithLengthOpts
#define cJSON_PrintUnformatted hw_json->PrintUnformatted
#define cJSON_Delete hw_json->Delete
#define cJSON_Duplicate hw_json->Duplicate
#define cJSON_Compare hw_json->Compare
#define cJSON_free hw_json->free
#define cJSON_CreateNull hw_json->CreateNull
#define cJSON_CreateBool hw_json->CreateBool
#define cJSON_CreateNumber hw_json->CreateNumber
#define cJSON_CreateString hw_json->CreateString
#define cJSON_CreateRaw hw_json->CreateRaw
#define cJSON_CreateArray hw_json->CreateArray
#define cJSON_CreateObject hw_json->CreateObject
#define cJSON_AddItemToArray hw_json->AddItemToArray
#define cJSON_AddItemToObject hw_json->AddItemToObject
#define cJSON_AddNullToObject hw_json->AddNullToObject
#define cJSON_AddBoolToObject hw_json->AddBoolToObject
#define cJSON_AddNumberToObject hw_json->AddNumberToObject
#define cJSON_AddStringToObject hw_json->AddStringToObject
#define cJSON_AddRawToObject hw_json->AddRawToObject
#define cJSON_AddObjectToObject hw_json->AddObjectToObject
#define cJSON_AddArrayToObject hw_json->AddArrayToObject
#define cJSON_DetachItemFromObjectCaseSensitive \
	hw_json->DetachItemFromObjectCaseSensitive
#define cJSON_DeleteItemFromObjectCaseSensitive \
	hw_json->DeleteItemFromObjectCaseSensitive
#define cJSON_GetArraySize hw_json->GetArraySize
#define cJSON_GetArrayItem hw_json->GetArrayItem
#define cJSON_GetObjectItemCaseSensitive hw_json->GetObjectItemCaseSensitive
#define cJSON_GetStringValue hw_json->GetStringValue
#define cJSON_GetNumberValue hw_json->GetNumberValue
#define cJSON_IsFalse hw_json->IsFalse
#define cJSON_IsTrue hw_json->IsTrue
#define cJSON_IsBool hw_json->IsBool
#define cJSON_IsNull hw_json->IsNull
#define cJSON_IsNumber hw_json->IsNumber
#define cJSON_IsString hw_json->IsString
#define cJSON_IsArray hw_json->IsArray
#define cJSON_IsObject hw_json->IsObject

#endif /* HW_GUEST */

#endif

// Prints messages as Apache Kafka's own classes write them: one line for each message, version
// and filling.

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.utils.ImplicitLinkedHashCollection;

/**
 * Three fillings: "default", "full" (every field that the version has is set, arrays have two
 * elements, and each value is the next number of one count) and "null" (the same, but what may be
 * null is).
 */
public final class GoldenMessages {
    private static final int ELEMENTS = 2;

    private final boolean nulls;
    private final short version;
    private int count = 0;

    private GoldenMessages(short version, boolean nulls) {
        this.version = version;
        this.nulls = nulls;
    }

    public static void main(String[] names) throws Exception {
        print("RequestHeader", new RequestHeaderData(), (short) 1, (short) 2);
        print("ResponseHeader", new ResponseHeaderData(), (short) 0, (short) 1);
        for (String name : names) {
            if (name.contains(".")) {
                printRecord(name);
                continue;
            }
            ApiMessageType type = ApiMessageType.valueOf(name);
            ApiKeys key = ApiKeys.forId(type.apiKey());
            short oldest = key.oldestVersion();
            short latest = key.latestVersion(false);
            print(type.name + "Request", type.newRequest(), oldest, latest);
            print(type.name + "Response", type.newResponse(), oldest, latest);
        }
    }

    /** A persisted record, by its class: it has no API key, and knows its versions itself. */
    private static void printRecord(String className) throws Exception {
        Class<?> type = Class.forName(className);
        Message empty = (Message) type.getConstructor().newInstance();
        print(type.getSimpleName(), empty, empty.lowestSupportedVersion(),
                empty.highestSupportedVersion());
    }

    private static void print(String name, Message message, short oldest, short latest)
            throws Exception {
        for (short version = oldest; version <= latest; version++) {
            Constructor<?> empty = message.getClass().getConstructor();
            print(name, version, "default", (Message) empty.newInstance());
            for (boolean nulls : new boolean[] {false, true}) {
                Message filled = (Message) empty.newInstance();
                new GoldenMessages(version, nulls).fill(filled);
                print(name, version, nulls ? "null" : "full", filled);
            }
        }
    }

    private static void print(String name, short version, String filling, Message message) {
        String hex = HexFormat.of().formatHex(bytes(message, version));
        System.out.println(name + " " + version + " " + filling + " " + hex);
    }

    private static byte[] bytes(Message message, short version) {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    /** Sets every field; one that the version refuses goes back to its default. */
    private void fill(Object message) throws Exception {
        for (Field field : message.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || field.getName().startsWith("_")
                    || field.getName().equals("next") || field.getName().equals("prev")) {
                continue;
            }
            field.setAccessible(true);
            Object before = field.get(message);
            int countBefore = count;
            field.set(message, value(field));
            if (!isWritable((Message) message)) {
                field.set(message, before);
                count = countBefore;
            } else if (nulls && !field.getType().isPrimitive()) {
                Object filled = field.get(message);
                byte[] filledBytes = bytes((Message) message, version);
                field.set(message, null);
                // What the version drops may not be left null either: hash codes look at it.
                if (!isWritable((Message) message)
                        || Arrays.equals(bytes((Message) message, version), filledBytes)) {
                    field.set(message, filled);
                }
            }
        }
    }

    private boolean isWritable(Message message) {
        try {
            bytes(message, version);
            return true;
        } catch (UnsupportedVersionException | NullPointerException e) {
            return false;
        }
    }

    private Object value(Field field) throws Exception {
        Class<?> type = field.getType();
        if (type == List.class) {
            List<Object> elements = new ArrayList<>();
            addElements(elements, argument(field.getGenericType()));
            return elements;
        }
        if (ImplicitLinkedHashCollection.class.isAssignableFrom(type)) {
            Collection<Object> elements = cast(type.getConstructor().newInstance());
            addElements(elements, argument(type.getGenericSuperclass()));
            return elements;
        }
        return value(type);
    }

    private void addElements(Collection<Object> elements, Class<?> type) throws Exception {
        for (int i = 0; i < ELEMENTS; i++) {
            elements.add(value(type));
        }
    }

    private Object value(Class<?> type) throws Exception {
        if (Message.class.isAssignableFrom(type)) {
            Object struct = type.getConstructor().newInstance();
            fill(struct);
            return struct;
        }
        count++;
        if (type == boolean.class) {
            return count % 2 == 1;
        } else if (type == byte.class || type == Byte.class) {
            return (byte) count;
        } else if (type == short.class || type == Short.class) {
            return (short) count;
        } else if (type == int.class || type == Integer.class) {
            return count;
        } else if (type == long.class || type == Long.class) {
            return (long) count;
        } else if (type == String.class) {
            return "s" + count;
        } else if (type == Uuid.class) {
            return new Uuid(count, count);
        } else if (type == byte[].class) {
            return ("b" + count).getBytes();
        } else if (type == ByteBuffer.class) {
            return ByteBuffer.wrap(("b" + count).getBytes());
        } else if (type == BaseRecords.class) {
            return MemoryRecords.readableRecords(ByteBuffer.wrap(("r" + count).getBytes()));
        }
        throw new IllegalStateException("no value for " + type);
    }

    /** What a collection's type says its elements are. */
    private static Class<?> argument(Type collection) {
        return (Class<?>) ((ParameterizedType) collection).getActualTypeArguments()[0];
    }

    @SuppressWarnings("unchecked")
    private static <T> T cast(Object value) {
        return (T) value;
    }
}

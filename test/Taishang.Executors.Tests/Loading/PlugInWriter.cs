using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;

namespace Taishang.Executors.Tests.Loading;

/// <summary>Writes plug-ins to disk: assemblies whose executors do nothing.</summary>
internal sealed class PlugInWriter(string folder)
{
    /// <summary>A plug-in with one executor for each type.</summary>
    public PlugInWriter Add(string name, params string[] types)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName(name), typeof(object).Assembly);
        var module = assembly.DefineDynamicModule(name);
        for (var i = 0; i < types.Length; i++) Executor(module, $"{name}.Executor{i}", types[i]).CreateType();
        return Save(name, assembly);
    }

    /// <summary>A plug-in whose only executor is made otherwise.</summary>
    public PlugInWriter Add(string name, Action<TypeBuilder> change, TypeAttributes visibility = TypeAttributes.Public)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName(name), typeof(object).Assembly);
        var type = Executor(assembly.DefineDynamicModule(name), $"{name}.Executor", "some_type", visibility);
        change(type);
        type.CreateType();
        return Save(name, assembly);
    }

    /// <summary>A plug-in whose executor kills its process, as the system does when memory runs out.</summary>
    public PlugInWriter AddKiller(string name, string type)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName(name), typeof(object).Assembly);
        Executor(assembly.DefineDynamicModule(name), $"{name}.Killer", type, body: il =>
        {
            il.Emit(OpCodes.Call, typeof(Process).GetMethod(nameof(Process.GetCurrentProcess))!);
            il.Emit(OpCodes.Callvirt, typeof(Process).GetMethod(nameof(Process.Kill), [])!);
            il.Emit(OpCodes.Ldnull);
        }).CreateType();
        return Save(name, assembly);
    }

    /// <summary>A constructor that throws.</summary>
    public static void Throwing(TypeBuilder type)
    {
        var il = type.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, []).GetILGenerator();
        il.Emit(OpCodes.Ldstr, "no licence");
        il.Emit(OpCodes.Newobj, typeof(InvalidOperationException).GetConstructor([typeof(string)])!);
        il.Emit(OpCodes.Throw);
    }

    /// <summary>A constructor that wants something.</summary>
    public static void Wanting(TypeBuilder type)
    {
        var il = type.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, [typeof(string)])
            .GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(object).GetConstructor([])!);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>An assembly that knows nothing of executors.</summary>
    public PlugInWriter AddStranger(string name)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName(name), typeof(object).Assembly);
        assembly.DefineDynamicModule(name).DefineType($"{name}.Nothing", TypeAttributes.Public).CreateType();
        return Save(name, assembly);
    }

    private PlugInWriter Save(string name, PersistedAssemblyBuilder assembly)
    {
        Directory.CreateDirectory(Path.Combine(folder, name));
        assembly.Save(Path.Combine(folder, name, name + ".dll"));
        return this;
    }

    private static TypeBuilder Executor(
        ModuleBuilder module, string name, string taskType, TypeAttributes visibility = TypeAttributes.Public,
        Action<ILGenerator>? body = null)
    {
        var type = module.DefineType(
            name, visibility | TypeAttributes.Class, typeof(object), [typeof(ITaskExecutor)]);
        Method(type, "get_Type", typeof(string), [], il => il.Emit(OpCodes.Ldstr, taskType));
        Method(type, nameof(ITaskExecutor.ExecuteAsync), typeof(Task<string>),
            [typeof(TaskContext), typeof(CancellationToken)], body ?? (il => il.Emit(OpCodes.Ldnull)));
        return type;
    }

    private static void Method(TypeBuilder type, string name, Type returns, Type[] takes, Action<ILGenerator> body)
    {
        var method = type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Virtual, returns, takes);
        var il = method.GetILGenerator();
        body(il);
        il.Emit(OpCodes.Ret);
        type.DefineMethodOverride(method, typeof(ITaskExecutor).GetMethod(name)!);
    }
}
